import type { ImageAnatomy } from "../../api/anatomy.ts";
import { defineCommand } from "../../cli/command.ts";
import { formatList, type Row } from "../../cli/format.ts";
import { exitCodes } from "../../cli/report.ts";
import { formatSize } from "../../cli/size.ts";
import { terminalSize } from "../../cli/terminal.ts";
import { ImagesClient } from "../../client/images.ts";
import { openEngine } from "../../client/open.ts";
import { drawTree, shortId, showCommand } from "./tree-picture.ts";

export const tree = defineCommand({
  name: "tree",
  summary: "Show the layers of an image, their sizes and what they waste",
  usage: "IMAGE",
  arity: { min: 1, max: 1 },
  completes: "images",
  flags: {
    format: {
      kind: "string",
      summary: 'Format output: "table", "table TEMPLATE", "json", TEMPLATE',
    },
    "no-trunc": { kind: "bool", summary: "Don't truncate output" },
  },
  async run({ flags, args: [name = ""], target, stdout }) {
    const image = await new ImagesClient(openEngine(target).transport).tree(name);
    const { format } = flags;
    const truncate = !flags["no-trunc"];
    const size = terminalSize(1);
    if (format === "json") stdout.line(JSON.stringify(image));
    else if (format !== undefined || size === undefined)
      stdout.print(formatList(toRows(image, truncate), { format, quiet: false, table, headers }));
    else stdout.print(drawTree(image, { columns: size.columns, truncate }));
    return exitCodes.ok;
  },
});

const table = ["ID", "Size", "Compressed", "Wasted", "CreatedBy"]
  .map((name) => `{{.${name}}}`)
  .join("\t");

const headers = {
  Compressed: "COMPRESSED",
  CreatedBy: "CREATED BY",
  Digest: "DIGEST",
  Files: "FILES",
  ID: "LAYER",
  Size: "SIZE",
  Wasted: "WASTED",
};

/** Lowest first. */
function toRows({ Layers }: ImageAnatomy, truncate: boolean): Row[] {
  return Layers.map((layer) => ({
    Compressed: formatSize(layer.CompressedSize, 3),
    CreatedBy: ellipsis(showCommand(layer.CreatedBy), truncate ? 60 : Number.POSITIVE_INFINITY),
    Digest: layer.Digest,
    Files: String(layer.Files),
    ID: truncate ? shortId(layer.DiffID) : layer.DiffID,
    Size: formatSize(layer.Size, 3),
    Wasted: formatSize(layer.WastedBytes, 3),
  }));
}

function ellipsis(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}
