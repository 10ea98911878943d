import type { ImageAnatomy, LayerAnatomy } from "../../api/anatomy.ts";
import { formatSize } from "../../cli/size.ts";
import { formatColumns } from "../../cli/table.ts";
import { tameLine } from "../../cli/tame.ts";

export interface PictureOptions {
  /** Of the terminal. */
  columns: number;
  /** Commands are cut to fit, and ids to twelve digits. */
  truncate: boolean;
}

const barCells = 20;

/**
 * An image as a tree of its layers, lowest first: a bar for what a layer brings, with a lighter end for what it makes
 * useless of those below.
 */
export function drawTree(image: ImageAnatomy, { columns, truncate }: PictureOptions): string {
  const most = Math.max(1, ...image.Layers.map((layer) => layer.Size + layer.WastedBytes));
  const rows = image.Layers.map((layer, at) => {
    const branch = at === image.Layers.length - 1 ? "└─" : "├─";
    const id = truncate ? shortId(layer.DiffID) : layer.DiffID;
    const sizes = [layer.Size, layer.CompressedSize, layer.WastedBytes].map((size) =>
      formatSize(size, 3),
    );
    return [`${branch} ${id}`, ...sizes, drawBar(layer, most), showCommand(layer.CreatedBy)];
  });
  const title = ["│  LAYER", "SIZE", "COMPRESSED", "WASTED", "", "CREATED BY"];
  const table = [title, ...rows].map((cells) => cells.join("\t")).join("\n");
  const lines = formatColumns(table, { minWidth: 0, padding: 2 }).split("\n");
  const cut = truncate ? lines.map((line) => clip(line, columns)) : lines;
  return [describeImage(image), ...cut, describeTotal(image), ""].join("\n");
}

export function describeImage({ Id, RepoTags, Platform }: ImageAnatomy): string {
  const name = RepoTags.length > 0 ? RepoTags.join(", ") : "<none>";
  return tameLine(`${name} (${shortId(Id)}, ${Platform})`);
}

export function describeTotal({ Size, CompressedSize, WastedBytes }: ImageAnatomy): string {
  const part = Size === 0 ? 0 : (WastedBytes / Size) * 100;
  const wasted = `${formatSize(WastedBytes, 3)} wasted (${part.toFixed(1)}%)`;
  return `${formatSize(Size, 3)} unpacked, ${formatSize(CompressedSize, 3)} compressed, ${wasted}`;
}

export const shortId = (digest: string): string => digest.replace(/^sha256:/, "").slice(0, 12);

/** A command on one line. */
export function showCommand(command: string): string {
  return tameLine(command.replace(/\s+/g, " ")).trim();
}

function drawBar({ Size, WastedBytes }: LayerAnatomy, most: number): string {
  const cells = (bytes: number): number =>
    bytes === 0 ? 0 : Math.max(1, Math.round((bytes / most) * barCells));
  const own = cells(Size);
  // Two small ones may round up together.
  const wasted = Math.min(cells(WastedBytes), barCells + 1 - own);
  return ("█".repeat(own) + "░".repeat(wasted)).padEnd(barCells);
}

function clip(line: string, columns: number): string {
  if (Bun.stringWidth(line) <= columns) return line.trimEnd();
  let width = 0;
  let out = "";
  for (const letter of line) {
    width += Bun.stringWidth(letter);
    if (width >= columns) break;
    out += letter;
  }
  return `${out.trimEnd()}…`;
}
