import type { ContainerSummary } from "../api/types.ts";
import { defineCommand } from "../cli/command.ts";
import { formatList, type Row } from "../cli/format.ts";
import { exitCodes } from "../cli/report.ts";
import { formatSize } from "../cli/size.ts";
import { formatAge, formatTime } from "../cli/time.ts";
import { openEngine } from "../client/open.ts";
import { formatPorts } from "./container/ports.ts";
import { parseFilters } from "./filters.ts";
import { formatImageName, parseImageName } from "./image/name.ts";

export const ps = defineCommand({
  name: "ps",
  summary: "List containers",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    all: { kind: "bool", short: "a", summary: "Show all containers (default shows just running)" },
    filter: { kind: "list", short: "f", summary: "Filter output based on conditions provided" },
    format: {
      kind: "string",
      summary: 'Format output: "table", "table TEMPLATE", "json", TEMPLATE',
    },
    last: { kind: "int", short: "n", summary: "Show n last created containers (all states)" },
    latest: { kind: "bool", short: "l", summary: "Show the latest created container (all states)" },
    "no-trunc": { kind: "bool", summary: "Don't truncate output" },
    quiet: { kind: "bool", short: "q", summary: "Only display container IDs" },
    size: { kind: "bool", short: "s", summary: "Display total file sizes" },
  },
  async run({ flags, target, stdout }) {
    const last = flags.latest ? 1 : flags.last;
    const size = flags.size || /\.Size\b/.test(flags.format ?? "");
    const containers = await openEngine(target).containers({
      all: flags.all,
      limit: last !== undefined && last > 0 ? last : undefined,
      size,
      filters: parseFilters(flags.filter),
    });
    const rows = containers.map((container) => toRow(container, !flags["no-trunc"]));
    const { format, quiet } = flags;
    stdout.print(formatList(rows, { format, quiet, table: buildTable(flags.size), headers }));
    return exitCodes.ok;
  },
});

export const headers = {
  ID: "CONTAINER ID",
  Names: "NAMES",
  Image: "IMAGE",
  Command: "COMMAND",
  CreatedAt: "CREATED AT",
  RunningFor: "CREATED",
  Ports: "PORTS",
  State: "STATE",
  Status: "STATUS",
  Size: "SIZE",
  Labels: "LABELS",
  Mounts: "MOUNTS",
  LocalVolumes: "LOCAL VOLUMES",
  Networks: "NETWORKS",
  Platform: "PLATFORM",
};

function buildTable(size: boolean): string {
  const columns = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];
  return [...columns, ...(size ? ["Size"] : [])].map((name) => `{{.${name}}}`).join("\t");
}

/** Fields in the order of Docker's JSON, which sorts them. */
export function toRow(container: ContainerSummary, truncate: boolean): Row {
  const created = container.Created ?? 0;
  const labels = container.Labels ?? {};
  const mounts = container.Mounts ?? [];
  const command = container.Command ?? "";
  return {
    Command: JSON.stringify(truncate ? shorten(command, 20) : command),
    CreatedAt: formatTime(created),
    ID: truncate ? (container.Id ?? "").slice(0, 12) : (container.Id ?? ""),
    Image: formatImage(container, truncate),
    Label: (name) => labels[name] ?? "",
    Labels: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join(","),
    LocalVolumes: String(mounts.filter(({ Driver }) => Driver === "local").length),
    Mounts: mounts
      .map(({ Name, Source }) => Name || Source || "")
      .map((name) => (truncate ? shorten(name, 15) : name))
      .join(","),
    Names: formatNames(container.Names ?? [], truncate),
    Networks: Object.keys(container.NetworkSettings?.Networks ?? {}).join(","),
    Platform: formatPlatform(container.ImageManifestDescriptor?.platform),
    Ports: formatPorts(container.Ports ?? []),
    RunningFor: `${formatAge(Date.now() / 1000 - created)} ago`,
    Size: formatSizes(container),
    State: container.State ?? "",
    Status: container.Status ?? "",
  };
}

function formatImage({ Image = "", ImageID = "" }: ContainerSummary, truncate: boolean): string {
  if (Image === "") return "<no image>";
  if (!truncate) return Image;
  const id = ImageID.replace(/^sha256:/, "").slice(0, 12);
  if (id !== "" && id === Image.replace(/^sha256:/, "").slice(0, 12)) return id;
  // A name with a digest loses it, one without a tag stays without.
  const bare = Image.replace(/@sha256:.*$/, "");
  const name = parseImageName(bare);
  return /:[^/]+$/.test(bare) ? formatImageName(name) : name.name;
}

type Platform = NonNullable<ContainerSummary["ImageManifestDescriptor"]>["platform"];

function formatPlatform(platform: Platform): string | null {
  if (!platform) return null;
  const { os, architecture, variant } = platform;
  return [os, architecture, variant].filter(Boolean).join("/");
}

/** Names of links ("/web/db") belong to others. */
function formatNames(names: string[], truncate: boolean): string {
  const bare = names.map((name) => name.slice(1));
  const own = truncate ? bare.find((name) => !name.includes("/")) : undefined;
  return own ?? bare.join(",");
}

function formatSizes(container: ContainerSummary): string {
  const SizeRw = container.SizeRw ?? 0;
  const SizeRootFs = container.SizeRootFs ?? 0;
  const own = formatSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${formatSize(SizeRootFs, 3)})` : own;
}

export function shorten(text: string, length: number): string {
  const points = [...text];
  return points.length <= length ? text : `${points.slice(0, length - 1).join("")}…`;
}
