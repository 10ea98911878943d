import { defineCommand } from "../../cli/command.ts";
import { UsageError } from "../../cli/flags.ts";
import { exitCodes } from "../../cli/report.ts";
import { formatSize } from "../../cli/size.ts";
import type { Filters } from "../../client/engine.ts";
import { pruneImages } from "../../client/image-prune.ts";
import { LifecycleClient } from "../../client/lifecycle.ts";
import { Networks } from "../../client/networks.ts";
import { openEngine } from "../../client/open.ts";
import type { Transport } from "../../client/transport.ts";
import { Volumes } from "../../client/volumes.ts";
import { confirm } from "../confirm.ts";
import { parseFilters } from "../filters.ts";
import { describePruned } from "../image/prune.ts";
import { compareNatural } from "../natural.ts";

interface Wanted {
  all: boolean;
  volumes: boolean;
  filters: Filters;
}

export const prune = defineCommand({
  name: "prune",
  summary: "Remove unused data",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    all: { kind: "bool", short: "a", summary: "Remove all unused images, not just dangling ones" },
    filter: { kind: "list", summary: 'Provide filter values (e.g. "label=<key>=<value>")' },
    force: { kind: "bool", short: "f", summary: "Do not prompt for confirmation" },
    volumes: { kind: "bool", summary: "Prune anonymous volumes" },
  },
  async run({ flags, target, stdout }) {
    const { all, volumes } = flags;
    const filters = parseFilters(flags.filter);
    if (volumes && filters.until !== undefined)
      throw new UsageError('ERROR: The "until" filter is not supported with "--volumes"');
    const wanted = { all, volumes, filters };
    if (!flags.force && !(await confirm(stdout, describe(wanted)))) return exitCodes.ok;
    let total = 0;
    for await (const { text, bytes } of pruneAll(openEngine(target).transport, wanted)) {
      stdout.print(text);
      total += bytes;
    }
    stdout.line(`Total reclaimed space: ${formatSize(total)}`);
    return exitCodes.ok;
  },
});

/** Docker's words, but for the build cache, of which there is none to remove. */
export function describe({ all, volumes, filters }: Wanted): string {
  const items = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(volumes ? ["all anonymous volumes not used by at least one container"] : []),
    all ? "all images without at least one container associated to them" : "all dangling images",
  ];
  const named = ["label", "label!", "until"]
    .flatMap((name) => (filters[name] ?? []).map((value) => `${name}=${value}`))
    .sort(compareNatural);
  const list = (lines: string[]): string => lines.map((line) => `\n  - ${line}`).join("");
  const limits =
    named.length > 0 ? `\n\n  Items to be pruned will be filtered with:${list(named)}` : "";
  return `WARNING! This will remove:${list(items)}${limits}\n`;
}

/** Containers first, since they use what follows. */
async function* pruneAll(transport: Transport, { all, volumes, filters }: Wanted) {
  const containers = await new LifecycleClient(transport).prune(filters);
  const ids = containers.ContainersDeleted;
  yield { text: section("Deleted Containers", ids), bytes: containers.SpaceReclaimed };
  const networks = await new Networks(transport).prune(filters);
  yield { text: section("Deleted Networks", networks.NetworksDeleted ?? []), bytes: 0 };
  if (volumes) {
    const removed = await new Volumes(transport).prune(filters);
    const text = section("Deleted Volumes", removed.VolumesDeleted ?? []);
    yield { text, bytes: removed.SpaceReclaimed ?? 0 };
  }
  const images = await pruneImages(transport, { ...filters, dangling: [String(!all)] });
  yield { text: describePruned(images), bytes: images.SpaceReclaimed };
}

function section(title: string, names: string[]): string {
  return names.length === 0 ? "" : `${title}:\n${names.join("\n")}\n\n`;
}
