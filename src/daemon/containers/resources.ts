import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { HostFacts } from "../../native-types/native.ts";
import type { PlannedResources } from "../../native-types/plan.ts";

/** The kernel refuses less than a few pages; Docker's floor. */
const minMemory = 6 * 1024 * 1024;

/** What of the host the limits are checked against. */
export type CpuFacts = Pick<HostFacts, "ncpu" | "cpus" | "mems">;

/** Checks the limits of a request as Docker does and turns them into the plan's. */
export function parseResources(host: HostConfig, facts: CpuFacts): PlannedResources {
  checkMemory(host);
  checkCpus(host, facts);
  const weight = host.BlkioWeight ?? 0;
  if (weight !== 0 && (weight < 10 || weight > 1000))
    throw invalid("Range of blkio weight is from 10 to 1000");
  const oomScore = host.OomScoreAdj ?? 0;
  if (oomScore < -1000 || oomScore > 1000)
    throw invalid(`Invalid value ${oomScore}, range for oom score adj is [-1000, 1000]`);
  if ((host.ShmSize ?? 0) < 0) throw invalid("SHM size can not be less than 0");
  for (const size of host.ConsoleSize ?? []) {
    if (size < 0 || size > 65_535) throw invalid(`invalid terminal size: ${size}`);
  }
  return { ...planMemory(host), ...planCpus(host), ...planOthers(host) };
}

function invalid(message: string): EngineError {
  return new EngineError("invalid_argument", message);
}

function checkMemory(host: HostConfig): void {
  const memory = host.Memory ?? 0;
  const swap = host.MemorySwap ?? 0;
  const reservation = host.MemoryReservation ?? 0;
  if (memory !== 0 && memory < minMemory) throw invalid("Minimum memory limit allowed is 6MB");
  if (swap > 0 && memory === 0)
    throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (swap > 0 && swap < memory)
    throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (reservation !== 0 && reservation < minMemory)
    throw invalid("Minimum memory reservation allowed is 6MB");
  if (memory !== 0 && reservation > memory)
    throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
  const swappiness = host.MemorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100)
    throw invalid(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
}

function checkCpus(host: HostConfig, { ncpu, cpus, mems }: CpuFacts): void {
  const { CpuShares: shares = 0 } = host;
  if (shares < 0) throw invalid(`invalid CPU shares (${shares}): value must be a positive integer`);
  const nano = host.NanoCpus ?? 0;
  if (nano < 0 || nano > ncpu * 1e9) {
    throw invalid(
      `range of CPUs is from 0.01 to ${ncpu}.00, as there are only ${ncpu} CPUs available`,
    );
  }
  if (nano > 0 && (host.CpuPeriod || host.CpuQuota))
    throw invalid("Conflicting options: Nano CPUs and CPU Period or Quota cannot both be set");
  if (host.CpuPeriod && (host.CpuPeriod < 1000 || host.CpuPeriod > 1_000_000)) {
    throw invalid(
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    );
  }
  if (host.CpuQuota && host.CpuQuota > 0 && host.CpuQuota < 1000)
    throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  const { CpuRealtimePeriod: period = 0, CpuRealtimeRuntime: runtime = 0 } = host;
  if (period !== 0 && runtime > period)
    throw invalid("cpu real-time runtime cannot be higher than cpu real-time period");
  checkCpuset("CPUs", "cpus", host.CpusetCpus, cpus);
  checkCpuset("memory nodes", "mems", host.CpusetMems, mems);
}

function checkCpuset(what: string, field: string, text: string | undefined, online: string): void {
  if (!text) return;
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) {
    throw invalid(`Invalid value ${text} for cpuset ${field}`);
  }
  const there = ranges(online);
  const all = ranges(text).every(([first, last]) =>
    there.some(([from, to]) => from <= first && last <= to),
  );
  if (!all)
    throw invalid(`Requested ${what} are not available - requested ${text}, available: ${online}`);
}

/** "0-2,5" → [[0, 2], [5, 5]] */
function ranges(text: string): [number, number][] {
  return text.split(",").map((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return [first, last];
  });
}

/** 0 means, as everywhere in these records, that nothing was asked for. */
function given<K extends string>(name: K, value: number | undefined): Partial<Record<K, number>> {
  return value ? ({ [name]: value } as Record<K, number>) : {};
}

function planMemory(host: HostConfig): PlannedResources {
  const { Memory: memory = 0, MemorySwap: swap = 0, MemorySwappiness: swappiness = -1 } = host;
  return {
    ...(memory > 0 ? { memory, memorySwap: swap === 0 ? memory * 2 : swap } : {}),
    ...given("memoryReservation", host.MemoryReservation),
    ...(swappiness >= 0 ? { memorySwappiness: swappiness } : {}),
    ...(host.OomKillDisable ? { oomKillDisable: true } : {}),
  };
}

function planCpus(host: HostConfig): PlannedResources {
  return {
    ...given("nanoCpus", host.NanoCpus),
    ...given("cpuShares", host.CpuShares),
    ...given("cpuQuota", host.CpuQuota),
    ...given("cpuPeriod", host.CpuPeriod),
    ...given("cpuRealtimePeriod", host.CpuRealtimePeriod),
    ...given("cpuRealtimeRuntime", host.CpuRealtimeRuntime),
    ...(host.CpusetCpus ? { cpusetCpus: host.CpusetCpus } : {}),
    ...(host.CpusetMems ? { cpusetMems: host.CpusetMems } : {}),
  };
}

function planOthers(host: HostConfig): PlannedResources {
  const pids = host.PidsLimit ?? 0;
  return {
    ...(pids > 0 ? { pidsLimit: pids } : {}),
    ...given("blkioWeight", host.BlkioWeight),
  };
}

/** The kernel's numbers, see asm-generic/resource.h; "as" is not Docker's to set. */
const rlimitNumbers: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

export function parseRlimits(host: HostConfig): { resource: number; soft: number; hard: number }[] {
  return (host.Ulimits ?? []).map(({ Name: name = "", Soft: soft = 0, Hard: hard = 0 }) => {
    const resource = Object.hasOwn(rlimitNumbers, name) ? rlimitNumbers[name] : undefined;
    if (resource === undefined)
      throw new EngineError("invalid_argument", `invalid ulimit type: ${name}`);
    if (hard !== -1 && (soft === -1 || soft > hard)) {
      throw new EngineError(
        "invalid_argument",
        `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
      );
    }
    return { resource, soft, hard };
  });
}
