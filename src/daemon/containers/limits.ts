import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { HostFacts } from "../../native-types/native.ts";

export type LimitFacts = Pick<
  HostFacts,
  | "memoryLimit"
  | "swapLimit"
  | "memorySwappiness"
  | "oomKillDisable"
  | "pidsLimit"
  | "cpuQuota"
  | "cpuset"
  | "cpuRealtime"
  | "blkioWeight"
  | "blkioThrottle"
>;

interface Discard {
  fields: (keyof HostConfig)[];
  isPossible: (facts: LimitFacts) => boolean;
  warning: string;
}

const kernel = "Your kernel does not support";
const unmounted = "or the cgroup is not mounted.";

/** Limits that Docker drops with a warning where the host cannot keep them; in Docker's words and order. */
const discards: Discard[] = [
  {
    fields: ["Memory", "MemorySwap"],
    isPossible: (facts) => facts.memoryLimit,
    warning: `${kernel} memory limit capabilities ${unmounted} Limitation discarded.`,
  },
  {
    fields: ["MemorySwappiness"],
    isPossible: (facts) => facts.memorySwappiness,
    warning: `${kernel} memory swappiness capabilities ${unmounted} Memory swappiness discarded.`,
  },
  {
    fields: ["MemoryReservation"],
    isPossible: (facts) => facts.memoryLimit,
    warning: `${kernel} memory soft limit capabilities ${unmounted} Limitation discarded.`,
  },
  {
    fields: ["OomKillDisable"],
    isPossible: (facts) => facts.oomKillDisable,
    warning: `${kernel} OomKillDisable. OomKillDisable discarded.`,
  },
  {
    fields: ["KernelMemoryTCP"],
    isPossible: () => false,
    warning: `${kernel} kernel memory TCP limit capabilities. Limitation discarded.`,
  },
  {
    fields: ["PidsLimit"],
    isPossible: (facts) => facts.pidsLimit,
    warning: `${kernel} PIDs limit capabilities ${unmounted} PIDs limit discarded.`,
  },
  {
    fields: ["CpuShares"],
    isPossible: (facts) => facts.cpuQuota,
    warning: `${kernel} CPU shares ${unmounted} Shares discarded.`,
  },
  {
    fields: ["CpuPeriod", "CpuQuota"],
    isPossible: (facts) => facts.cpuQuota,
    warning: `${kernel} CPU CFS scheduler. CPU period/quota discarded.`,
  },
  {
    fields: ["CpusetCpus", "CpusetMems"],
    isPossible: (facts) => facts.cpuset,
    warning: `${kernel} cpuset ${unmounted} Cpuset discarded.`,
  },
  {
    fields: ["BlkioWeight"],
    isPossible: (facts) => facts.blkioWeight,
    warning: `${kernel} Block I/O weight ${unmounted} Weight discarded.`,
  },
  {
    fields: ["BlkioWeightDevice"],
    isPossible: (facts) => facts.blkioWeight,
    warning: `${kernel} Block I/O weight_device ${unmounted} Weight-device discarded.`,
  },
  {
    fields: ["BlkioDeviceReadBps"],
    isPossible: (facts) => facts.blkioThrottle,
    warning: `${kernel} BPS Block I/O read limit ${unmounted} Block I/O BPS read limit discarded.`,
  },
  {
    fields: ["BlkioDeviceWriteBps"],
    isPossible: (facts) => facts.blkioThrottle,
    warning: `${kernel} BPS Block I/O write limit ${unmounted} Block I/O BPS write limit discarded.`,
  },
  {
    fields: ["BlkioDeviceReadIOps"],
    isPossible: (facts) => facts.blkioThrottle,
    warning: `${kernel} IOPS Block read limit ${unmounted} Block I/O IOPS read limit discarded.`,
  },
  {
    fields: ["BlkioDeviceWriteIOps"],
    isPossible: (facts) => facts.blkioThrottle,
    warning: `${kernel} IOPS Block write limit ${unmounted} Block I/O IOPS write limit discarded.`,
  },
];

/** The settings without the limits that this host cannot keep, and what is to be said of that. */
export function discardLimits(
  asked: HostConfig,
  facts: LimitFacts,
): { host: HostConfig; warnings: string[] } {
  const host = { ...asked };
  const warnings: string[] = [];
  // Docker's client says so where nothing was asked for.
  if (host.MemorySwappiness === -1) delete host.MemorySwappiness;
  if (host.NanoCpus && !facts.cpuQuota) {
    throw new EngineError(
      "invalid_argument",
      "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    );
  }
  if ((host.CpuRealtimePeriod || host.CpuRealtimeRuntime) && !facts.cpuRealtime) {
    throw new EngineError("invalid_argument", `${kernel} CPU real-time scheduler`);
  }
  for (const { fields, isPossible, warning } of discards) {
    if (isPossible(facts) || !fields.some((field) => isAsked(field, host[field]))) continue;
    warnings.push(warning);
    for (const field of fields) delete host[field];
  }
  if (host.Memory && host.MemorySwap !== -1 && !facts.swapLimit) {
    warnings.push(`${kernel} swap limit capabilities ${unmounted} Memory limited without swap.`);
    host.MemorySwap = -1;
  }
  if (host.OomKillDisable && !host.Memory) {
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  }
  return { host, warnings };
}

function isAsked(field: keyof HostConfig, value: unknown): boolean {
  if (field === "MemorySwappiness") return typeof value === "number" && value >= 0;
  if (field === "PidsLimit") return typeof value === "number" && value > 0;
  if (Array.isArray(value)) return value.length > 0;
  return Boolean(value);
}
