import type { FileDifference, LayersDifference } from "../../api/anatomy.ts";
import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { formatSize } from "../../cli/size.ts";
import { ImagesClient } from "../../client/images.ts";
import { openEngine } from "../../client/open.ts";
import { EngineError } from "../../errors.ts";
import { showPath } from "./shown-path.ts";
import { shortId } from "./tree-picture.ts";

export const diff = defineCommand({
  name: "diff",
  summary: "Show what differs between two images: layers and files",
  usage: "IMAGE IMAGE",
  arity: { min: 2, max: 2 },
  completes: "images",
  flags: {
    format: { kind: "string", summary: 'Format output: "json" for a line of JSON each' },
    "name-only": { kind: "bool", summary: "Show only names of files" },
    "no-trunc": { kind: "bool", summary: "Don't truncate output" },
  },
  async run({ flags, args: [before = "", after = ""], target, stdout }) {
    const { format, "name-only": nameOnly, "no-trunc": whole } = flags;
    if (format !== undefined && format !== "json")
      throw new EngineError("invalid_argument", `unknown format "${format}": only json is known`);
    const totals = new Totals();
    for await (const line of new ImagesClient(openEngine(target).transport).diff(before, after)) {
      if ("error" in line) throw new EngineError("internal", line.error);
      if (format === "json") stdout.line(JSON.stringify(line));
      else if ("layers" in line) {
        if (!nameOnly) stdout.print(describeLayers(line, !whole));
      } else if (nameOnly) stdout.line(showPath(line.path, line.raw));
      else {
        totals.add(line);
        stdout.line(describeFile(line));
      }
      // What comes faster than it is read waits in the daemon, not here.
      await stdout.flush();
    }
    if (format === undefined && !nameOnly) stdout.line(totals.describe());
    return exitCodes.ok;
  },
});

export function describeLayers({ layers }: LayersDifference, truncate: boolean): string {
  const marks = { shared: "=", removed: "-", added: "+" } as const;
  const lines = (["shared", "removed", "added"] as const).flatMap((kind) =>
    layers[kind].map(({ DiffID, Size }) => {
      const id = truncate ? shortId(DiffID) : DiffID;
      return `${marks[kind]} layer ${id}  ${formatSize(Size, 3)}\n`;
    }),
  );
  return lines.join("");
}

const letters = { added: "A", changed: "C", deleted: "D" };

/** As "C /etc/passwd  1.2kB → 1.3kB (mode, size)". */
export function describeFile(line: FileDifference): string {
  const slash = line.type === "directory" && line.path !== "/" ? "/" : "";
  const name = showPath(line.path + slash, line.raw && line.raw + (slash && "2f"));
  const why = line.what.length > 0 ? ` (${line.what.join(", ")})` : "";
  const size = line.type === "directory" ? "" : `  ${describeSizes(line)}`;
  return `${letters[line.change]} ${name}${size}${why}`;
}

function describeSizes({ before, after }: FileDifference): string {
  const [old, fresh] = [before, after].map((size) => size !== null && formatSize(size, 3));
  if (!old || !fresh) return old || fresh || "";
  return before === after ? old : `${old} → ${fresh}`;
}

/** How many there were of each kind, and what they weigh. */
class Totals {
  readonly #found = { added: [0, 0], changed: [0, 0], deleted: [0, 0] };

  add({ change, before, after }: FileDifference): void {
    const found = this.#found[change];
    found[0] = (found[0] ?? 0) + 1;
    found[1] = (found[1] ?? 0) + (after ?? 0) - (before ?? 0);
  }

  describe(): string {
    const parts = Object.entries(this.#found).map(([change, [count = 0, bytes = 0]]) => {
      const sign = bytes < 0 ? "-" : "+";
      return `${count} ${change} (${sign}${formatSize(Math.abs(bytes), 3)})`;
    });
    return parts.join(", ");
  }
}
