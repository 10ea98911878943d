import type { Row } from "../../cli/format.ts";
import { formatBinarySize, formatSize } from "../../cli/size.ts";
import type { ContainerStats } from "../../client/metrics.ts";

export const headers = {
  Container: "CONTAINER",
  ID: "CONTAINER ID",
  Name: "NAME",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
};

export const table = ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"]
  .map((name) => `{{.${name}}}`)
  .join("\t");

/** One line of the list; without a report yet its figures are dashes. */
export function toRow(
  container: string,
  stats: ContainerStats | undefined,
  truncate: boolean,
): Row {
  if (stats === undefined) return unknown(container);
  const used = usedMemory(stats);
  const limit = stats.memory_stats.limit ?? 0;
  const blocks = stats.blkio_stats.io_service_bytes_recursive ?? [];
  const networks = Object.values(stats.networks ?? {});
  const moved = (op: string) =>
    sum(
      blocks.filter((one) => one.op.toLowerCase().startsWith(op)),
      "value",
    );
  const pair = (one: number, other: number) => `${formatSize(one, 3)} / ${formatSize(other, 3)}`;
  return {
    BlockIO: pair(moved("r"), moved("w")),
    CPUPerc: `${cpuPercent(stats).toFixed(2)}%`,
    Container: container,
    ID: truncate ? stats.id.slice(0, 12) : stats.id,
    MemPerc: `${(limit > 0 ? (used / limit) * 100 : 0).toFixed(2)}%`,
    MemUsage: `${formatBinarySize(used)} / ${formatBinarySize(limit)}`,
    Name: stats.name.length > 1 ? stats.name.slice(1) : "--",
    NetIO: pair(sum(networks, "rx_bytes"), sum(networks, "tx_bytes")),
    PIDs: String(stats.pids_stats.current ?? 0),
  };
}

function unknown(container: string): Row {
  return {
    ...{ BlockIO: "--", CPUPerc: "--", Container: container, ID: "--", MemPerc: "--" },
    ...{ MemUsage: "-- / --", Name: "--", NetIO: "--", PIDs: "--" },
  };
}

/** Of one CPU, between the two samples of a report: 200 % is two CPUs. */
export function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || (now.cpu_usage.percpu_usage?.length ?? 0);
  return used > 0 && passed > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Without pages of files that the kernel may drop: v1 names them one way, v2 another. */
export function usedMemory({ memory_stats: { usage = 0, stats = {} } }: ContainerStats): number {
  for (const key of ["total_inactive_file", "inactive_file"]) {
    const inactive = stats[key];
    if (inactive !== undefined && inactive < usage) return usage - inactive;
    if (inactive !== undefined && key === "total_inactive_file") return usage;
  }
  return usage;
}

function sum<K extends string>(items: readonly Record<K, number>[], key: K): number {
  return items.reduce((total, item) => total + item[key], 0);
}
