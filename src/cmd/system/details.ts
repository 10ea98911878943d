import type { Volume } from "../../api/types.ts";
import type { ImageDiskUsage, SystemUsage } from "../../api/usage.ts";
import { formatList, type Row } from "../../cli/format.ts";
import { formatSize } from "../../cli/size.ts";
import { Template } from "../../cli/template/template.ts";
import { headers as imageHeaders, toRow as toImageRow } from "../images.ts";
import { headers as containerHeaders, toRow as toContainerRow } from "../ps.ts";
import { toRow as toVolumeRow, headers as volumeHeaders } from "../volume/ls.ts";

/** Every object by itself, as Docker lays it out; a template is given all of them at once. */
export function formatDetails(usage: SystemUsage, format = "table"): string {
  const isTable = format === "" || format.startsWith("table");
  const rows = {
    Images: (usage.ImageUsage?.Items ?? []).map((image) => imageRow(image, isTable)),
    Containers: (usage.ContainerUsage?.Items ?? []).map((container) =>
      // Without the size of the image, which is told above.
      toContainerRow({ ...container, SizeRootFs: 0 }, isTable),
    ),
    Volumes: (usage.VolumeUsage?.Items ?? []).map(volumeRow),
    BuildCache: [],
  };
  if (isTable) return printTables(rows, usage.BuildCacheUsage?.TotalSize ?? 0);
  const source = format === "json" ? "{{json .}}" : format;
  return `${new Template(source).execute(rows)}\n`;
}

/** The first tag alone. */
function imageRow(image: ImageDiskUsage, truncate: boolean): Row {
  const [first = ""] = image.RepoTags;
  const at = first.lastIndexOf(":");
  const [name, tag] = at < 0 ? ["<none>", "<none>"] : [first.slice(0, at), first.slice(at + 1)];
  return toImageRow(image, truncate, name, tag, "");
}

function volumeRow(volume: Volume): Row {
  const { Size = -1, RefCount = -1 } = volume.UsageData ?? {};
  const row = toVolumeRow(volume);
  return {
    ...row,
    Links: RefCount < 0 ? "N/A" : String(RefCount),
    Size: Size < 0 ? "N/A" : formatSize(Size),
  };
}

const columns = {
  Images: [
    "Repository",
    "Tag",
    "ID",
    "CreatedSince",
    "Size",
    "SharedSize",
    "UniqueSize",
    "Containers",
  ],
  Containers: ["ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names"],
  Volumes: ["Name", "Links", "Size"],
  BuildCache: ["ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared"],
};

const cacheHeaders = {
  ...{ ID: "CACHE ID", CacheType: "CACHE TYPE", Size: "SIZE", CreatedSince: "CREATED" },
  ...{ LastUsedSince: "LAST USED", UsageCount: "USAGE", Shared: "SHARED" },
};

function printTables(rows: Record<keyof typeof columns, Row[]>, cacheSize: number): string {
  const print = (kind: keyof typeof columns, headers: Record<string, string>): string => {
    const table = columns[kind].map((name) => `{{.${name}}}`).join("\t");
    return formatList(rows[kind], { format: "table", quiet: false, table, headers });
  };
  return [
    `Images space usage:\n\n${print("Images", imageHeaders)}`,
    `Containers space usage:\n\n${print("Containers", containerHeaders)}`,
    `Local Volumes space usage:\n\n${print("Volumes", volumeHeaders)}`,
    `Build cache usage: ${formatSize(cacheSize)}\n\n${print("BuildCache", cacheHeaders)}`,
  ].join("\n");
}
