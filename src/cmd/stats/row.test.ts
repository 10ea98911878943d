import { expect, test } from "bun:test";
import { formatList } from "../../cli/format.ts";
import type { ContainerStats } from "../../client/metrics.ts";
import { headers, table, toRow, usedMemory } from "./row.ts";

const stats: ContainerStats = {
  ...{ id: "0123456789abcdef", name: "/web", read: "2026-01-01T00:00:00Z" },
  cpu_stats: { cpu_usage: { total_usage: 150e6 }, system_cpu_usage: 4e9, online_cpus: 2 },
  precpu_stats: { cpu_usage: { total_usage: 50e6 }, system_cpu_usage: 2e9, online_cpus: 2 },
  memory_stats: { usage: 3 * 2 ** 20, limit: 2 ** 30, stats: { inactive_file: 2 ** 20 } },
  pids_stats: { current: 3 },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: "read", value: 1_234_567 },
      { op: "Write", value: 0 },
    ],
  },
  networks: { eth0: { rx_bytes: 1000, tx_bytes: 42 }, eth1: { rx_bytes: 500, tx_bytes: 0 } },
};

test("a report is a line as Docker prints it", () => {
  const text = formatList([toRow("web", stats, true)], {
    ...{ format: undefined, quiet: false, table, headers },
  });
  expect(text).toBe(
    "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O       BLOCK I/O     PIDS\n" +
      "0123456789ab   web       10.00%    2MiB / 1GiB         0.20%     1.5kB / 42B   1.23MB / 0B   3\n",
  );
});

test("a container that does not run has zeros, one not heard of has dashes", () => {
  const idle = { ...stats, cpu_stats: stats.precpu_stats, memory_stats: {}, pids_stats: {} };
  expect(toRow("web", idle, false)).toMatchObject({
    ...{ CPUPerc: "0.00%", MemUsage: "0B / 0B", MemPerc: "0.00%", PIDs: "0", ID: stats.id },
  });
  expect(toRow("web", undefined, true)).toMatchObject({ Container: "web", MemUsage: "-- / --" });
});

test("v1 has a name of its own for inactive pages", () => {
  const memory = { usage: 100, stats: { total_inactive_file: 30, inactive_file: 10 } };
  expect(usedMemory({ ...stats, memory_stats: memory })).toBe(70);
  expect(usedMemory({ ...stats, memory_stats: { usage: 5, stats: { inactive_file: 10 } } })).toBe(
    5,
  );
});
