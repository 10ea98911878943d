import type { NetworkCounters, StatsSample } from "../../../native-types/native.ts";
import { zeroTime } from "../container.ts";

/** A sample and when it was taken, RFC 3339. */
export interface Reading {
  read: string;
  sample: StatsSample;
}

/** Docker's shape of one report; a container that does not run has zeros. */
export function toStats(
  { id, name }: { id: string; name: string },
  now: Reading | undefined,
  before: Reading | undefined,
  memTotal: number,
) {
  const networks = Object.entries(now?.sample.networks ?? {});
  return {
    name: `/${name}`,
    id,
    os_type: "linux",
    read: now?.read ?? zeroTime,
    preread: before?.read ?? zeroTime,
    pids_stats: now ? toPids(now.sample) : {},
    blkio_stats: toBlock(now?.sample.block ?? []),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: toCpu(now?.sample),
    precpu_stats: toCpu(before?.sample),
    memory_stats: now ? toMemory(now.sample, memTotal) : {},
    ...(networks.length === 0
      ? {}
      : { networks: Object.fromEntries(networks.map(([key, value]) => [key, toNetwork(value)])) }),
  };
}

/** No limit is the largest number there is, which JSON.stringify would round up: left out. */
function toPids({ pids, pidsLimit }: StatsSample) {
  return { current: pids, ...(pidsLimit === null ? {} : { limit: pidsLimit }) };
}

function toBlock(entries: StatsSample["block"]) {
  return {
    io_service_bytes_recursive: entries.length === 0 ? null : entries,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function toCpu(sample: StatsSample | undefined) {
  const cpu = sample?.cpu;
  return {
    cpu_usage: {
      total_usage: cpu?.total ?? 0,
      usage_in_kernelmode: cpu?.kernel ?? 0,
      usage_in_usermode: cpu?.user ?? 0,
    },
    ...(cpu ? { system_cpu_usage: cpu.system, online_cpus: cpu.online } : {}),
    throttling_data: {
      periods: cpu?.periods ?? 0,
      throttled_periods: cpu?.throttledPeriods ?? 0,
      throttled_time: cpu?.throttledTime ?? 0,
    },
  };
}

function toMemory({ memory }: StatsSample, memTotal: number) {
  const { usage, maxUsage, failCount, limit, stats } = memory;
  return {
    usage,
    // Only v1 counts these.
    ...(maxUsage > 0 ? { max_usage: maxUsage } : {}),
    ...(failCount > 0 ? { failcnt: failCount } : {}),
    stats,
    limit: Math.min(limit ?? memTotal, memTotal),
  };
}

function toNetwork(counters: NetworkCounters) {
  return {
    rx_bytes: counters.rxBytes,
    rx_packets: counters.rxPackets,
    rx_errors: counters.rxErrors,
    rx_dropped: counters.rxDropped,
    tx_bytes: counters.txBytes,
    tx_packets: counters.txPackets,
    tx_errors: counters.txErrors,
    tx_dropped: counters.txDropped,
  };
}
