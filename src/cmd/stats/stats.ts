import { defineCommand } from "../../cli/command.ts";
import { formatList } from "../../cli/format.ts";
import { exitCodes } from "../../cli/report.ts";
import { tame } from "../../cli/tame.ts";
import { isTerminal } from "../../cli/terminal.ts";
import type { Engine } from "../../client/engine.ts";
import { type ContainerStats, MetricsClient } from "../../client/metrics.ts";
import { openEngine } from "../../client/open.ts";
import { messageOf } from "../../errors.ts";
import { headers, table, toRow } from "./row.ts";
import { Watch } from "./watch.ts";

/** Milliseconds between two pictures. */
const refresh = 500;
const clearBehind = "\x1b[K\n";
const clearBelow = "\x1b[J";
const home = "\x1b[H";
const clearAll = "\x1b[2J";

interface Shown {
  container: string;
  stats: ContainerStats | undefined;
}

export const stats = defineCommand({
  name: "stats",
  summary: "Display a live stream of container(s) resource usage statistics",
  usage: "[CONTAINER...]",
  arity: { min: 0 },
  completes: "containers",
  flags: {
    all: { kind: "bool", short: "a", summary: "Show all containers (default shows just running)" },
    format: {
      kind: "string",
      summary: 'Format output: "table", "table TEMPLATE", "json", TEMPLATE',
    },
    "no-stream": {
      kind: "bool",
      summary: "Disable streaming stats and only pull the first result",
    },
    "no-trunc": { kind: "bool", summary: "Do not truncate output" },
  },
  async run({ args, flags, target, stdout, stderr }) {
    const engine = openEngine(target);
    const containers = args.length > 0 ? args : await listIds(engine, flags.all);
    const print = (shown: readonly Shown[]): string => {
      const rows = shown.map((one) => toRow(one.container, one.stats, !flags["no-trunc"]));
      return formatList(rows, { format: flags.format, quiet: false, table, headers });
    };
    if (flags["no-stream"]) {
      const { shown, errors } = await readOnce(engine, containers);
      stdout.print(print(shown));
      for (const error of errors) stderr.line(messageOf(error));
      return errors.length > 0 ? exitCodes.failure : exitCodes.ok;
    }
    const watch = new Watch(engine);
    const isFollowing = args.length === 0;
    const following = isFollowing ? watch.followAll(flags.all) : undefined;
    await Promise.all(containers.map((container) => watch.add(container)));
    if (watch.errors.length > 0) throw watch.errors[0];
    const draw = isTerminal(1) ? screen() : undefined;
    const ended = { isTrue: false };
    following?.catch(() => {}).finally(() => (ended.isTrue = true));
    while (!ended.isTrue) {
      const text = print(watch.rows());
      if (draw === undefined) stdout.print(text);
      else stdout.steer(draw(tame(text)));
      if (!isFollowing && watch.rows().length === 0) break;
      await Bun.sleep(refresh);
    }
    await following;
    return exitCodes.ok;
  },
});

async function listIds(engine: Engine, all: boolean): Promise<string[]> {
  const list = await engine.containers({ all });
  return list.map(({ Id }) => Id ?? "");
}

/** Two samples of each container, all at the same time. */
async function readOnce(
  engine: Engine,
  containers: readonly string[],
): Promise<{ shown: Shown[]; errors: unknown[] }> {
  const client = new MetricsClient(engine.transport);
  const errors: unknown[] = [];
  const read = async (container: string): Promise<Shown | undefined> => {
    try {
      for await (const stats of client.stats(container, false)) return { container, stats };
    } catch (error) {
      errors.push(error);
    }
    return undefined;
  };
  const shown = await Promise.all(containers.map(read));
  return { shown: shown.filter((one) => one !== undefined), errors };
}

/** Draws each picture over the last one, without a flicker. */
function screen(): (text: string) => string {
  let isFirst = true;
  return (text) => {
    const start = isFirst ? clearAll + home : home;
    isFirst = false;
    return start + text.replaceAll("\n", clearBehind) + clearBelow;
  };
}
