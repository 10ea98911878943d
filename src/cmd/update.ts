import { defineCommand } from "../cli/command.ts";
import { type FlagTable, type FlagValues, UsageError } from "../cli/flags.ts";
import type { Engine } from "../client/engine.ts";
import { type ContainerChanges, LifecycleClient } from "../client/lifecycle.ts";
import { openEngine } from "../client/open.ts";
import { runBatch } from "./batch.ts";
import { buildPublishChanges, comparePorts, toPorts } from "./container/publish-changes.ts";
import type { PortMap } from "./port.ts";
import { compact, cut, refuse } from "./request/parts.ts";
import { parseNanoCpus } from "./request/resources.ts";

const flags = {
  "blkio-weight": { kind: "int", summary: "Block IO weight, between 10 and 1000, or 0 to disable" },
  "cpu-period": { kind: "int", summary: "Limit CPU CFS period" },
  "cpu-quota": { kind: "int", summary: "Limit CPU CFS quota" },
  "cpu-rt-period": { kind: "int", summary: "Limit CPU real-time period in microseconds" },
  "cpu-rt-runtime": { kind: "int", summary: "Limit CPU real-time runtime in microseconds" },
  "cpu-shares": { kind: "int", short: "c", summary: "CPU shares (relative weight)" },
  cpus: { kind: "string", value: "decimal", summary: "Number of CPUs" },
  "cpuset-cpus": { kind: "string", summary: "CPUs in which to allow execution (0-3, 0,1)" },
  "cpuset-mems": { kind: "string", summary: "MEMs in which to allow execution (0-3, 0,1)" },
  memory: { kind: "bytes", short: "m", summary: "Memory limit" },
  "memory-reservation": { kind: "bytes", summary: "Memory soft limit" },
  "memory-swap": { kind: "bytes", summary: "Memory plus swap; -1 for unlimited swap" },
  "pids-limit": { kind: "int", summary: "Tune container pids limit (set -1 for unlimited)" },
  "publish-add": {
    kind: "list",
    summary: "Publish further ports to the host, as -p of run does; shows what they are",
  },
  "publish-rm": {
    kind: "list",
    summary: "Unpublish a port: 80/udp wherever it is published, or 8080:80 there alone",
  },
  restart: { kind: "string", summary: "Restart policy to apply when a container exits" },
} as const satisfies FlagTable;

export const update = defineCommand({
  name: "update",
  summary: "Update configuration of one or more containers",
  usage: "CONTAINER [CONTAINER...]",
  arity: { min: 1 },
  completes: "containers",
  flags,
  async run(context) {
    if (context.given.size === 0)
      throw new UsageError("you must provide one or more flags when using this command");
    const changes = buildChanges(context.flags);
    const engine = openEngine(context.target);
    const client = new LifecycleClient(engine.transport);
    const publishes = changes.PublishAdd !== undefined || changes.PublishRemove !== undefined;
    return await runBatch(context, context.args, async (id) => {
      const before = publishes ? await readPorts(engine, id) : {};
      for (const warning of await client.update(id, changes)) context.stderr.line(warning);
      const after = publishes ? await readPorts(engine, id) : {};
      return [id, ...comparePorts(before, after)].join("\n");
    });
  },
});

function buildChanges(given: FlagValues<typeof flags>): ContainerChanges {
  const publish = buildPublishChanges(given["publish-add"], given["publish-rm"]);
  return compact<ContainerChanges>({
    BlkioWeight: given["blkio-weight"],
    CpuPeriod: given["cpu-period"],
    CpuQuota: given["cpu-quota"],
    CpuRealtimePeriod: given["cpu-rt-period"],
    CpuRealtimeRuntime: given["cpu-rt-runtime"],
    CpuShares: given["cpu-shares"],
    NanoCpus: given.cpus === undefined ? undefined : parseNanoCpus(given.cpus),
    CpusetCpus: given["cpuset-cpus"],
    CpusetMems: given["cpuset-mems"],
    Memory: given.memory,
    MemoryReservation: given["memory-reservation"],
    MemorySwap: given["memory-swap"],
    PidsLimit: given["pids-limit"],
    RestartPolicy: given.restart === undefined ? undefined : parsePolicy(given.restart),
    PublishAdd: publish?.PublishAdd,
    PublishRemove: publish?.PublishRemove,
  });
}

/** Where the ports of a container are published; of one that does not run, where they will be. */
async function readPorts(engine: Engine, id: string): Promise<PortMap> {
  const { State, NetworkSettings, HostConfig } = await engine.inspectContainer(id);
  return State?.Running ? (NetworkSettings?.Ports ?? {}) : toPorts(HostConfig?.PortBindings ?? {});
}

/** Here "no" is a change too. */
function parsePolicy(text: string): NonNullable<ContainerChanges["RestartPolicy"]> {
  const [name, count] = cut(text, ":");
  if (count !== "" && !/^\d+$/.test(count))
    throw refuse("invalid restart policy format: maximum retry count must be an integer");
  return { Name: name as "no", MaximumRetryCount: Number(count) };
}
