import { expect, test } from "bun:test";
import { discardLimits, type LimitFacts } from "./limits.ts";
import { parseResources } from "./resources.ts";
import { mergeLimits } from "./update.ts";

const all: LimitFacts = {
  memoryLimit: true,
  swapLimit: true,
  memorySwappiness: true,
  oomKillDisable: true,
  pidsLimit: true,
  cpuQuota: true,
  cpuset: true,
  cpuRealtime: true,
  blkioWeight: true,
  blkioThrottle: true,
};
const facts = { ncpu: 4, cpus: "0-2,5", mems: "0" };
const refuse = (why: string): never => {
  throw new Error(why);
};

test("what a host can keep is kept", () => {
  const asked = { Memory: 1e8, OomKillDisable: true, MemorySwappiness: 0, PidsLimit: -1 };
  expect(discardLimits(asked, all)).toEqual({ host: asked, warnings: [] });
});

test("what v2 has not is dropped with Docker's warnings", () => {
  const v2 = { ...all, memorySwappiness: false, oomKillDisable: false };
  const asked = { Memory: 1e8, OomKillDisable: true, MemorySwappiness: 10 };
  expect(discardLimits(asked, v2)).toEqual({
    host: { Memory: 1e8 },
    warnings: [
      "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
      "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    ],
  });
  expect(discardLimits({ MemorySwappiness: -1, OomKillDisable: false }, v2).warnings).toEqual([]);
});

test("a swappiness of -1 is none", () => {
  expect(discardLimits({ Memory: 1e8, MemorySwappiness: -1 }, all).host).toEqual({ Memory: 1e8 });
});

test("without swap accounting memory is limited alone", () => {
  const { host, warnings } = discardLimits({ Memory: 1e8 }, { ...all, swapLimit: false });
  expect(host.MemorySwap).toBe(-1);
  expect(warnings[0]).toEndWith("Memory limited without swap.");
});

test("real-time limits and CPUs are refused, not dropped, where the kernel has none", () => {
  const none = { ...all, cpuRealtime: false, cpuQuota: false };
  expect(() => discardLimits({ CpuRealtimeRuntime: 1 }, none)).toThrow(
    "Your kernel does not support CPU real-time scheduler",
  );
  expect(() => discardLimits({ NanoCpus: 1 }, none)).toThrow("NanoCPUs can not be set");
});

test("a cpuset must be there as a whole", () => {
  expect(parseResources({ CpusetCpus: "0-1,5" }, facts)).toEqual({ cpusetCpus: "0-1,5" });
  expect(() => parseResources({ CpusetCpus: "2-3" }, facts)).toThrow(
    "Requested CPUs are not available - requested 2-3, available: 0-2,5",
  );
  expect(() => parseResources({ CpusetMems: "1" }, facts)).toThrow(
    "Requested memory nodes are not available - requested 1, available: 0",
  );
});

test("an update changes what it names, and minds what is there", () => {
  const have = { Memory: 100, MemorySwap: 200, CpuShares: 5 };
  expect(mergeLimits(have, { Memory: 150, CpuShares: 0, PidsLimit: 0 }, refuse)).toEqual({
    Memory: 150,
    MemorySwap: 200,
    CpuShares: 5,
    PidsLimit: 0,
  });
  expect(mergeLimits({ PidsLimit: 7 }, { PidsLimit: -1 }, refuse).PidsLimit).toBe(0);
  expect(() => mergeLimits(have, { Memory: 300 }, refuse)).toThrow("already set memoryswap limit");
  expect(mergeLimits({ MemorySwap: -1 }, { Memory: 300 }, refuse).Memory).toBe(300);
  expect(() => mergeLimits({ CpuQuota: 5 }, { NanoCpus: 1 }, refuse)).toThrow("CPU Quota");
  const policy = { RestartPolicy: { Name: "always" as const } };
  expect(() => mergeLimits({ AutoRemove: true }, policy, refuse)).toThrow("AutoRemove");
});
