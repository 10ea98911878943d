import { formatEta, formatRate } from "./rate.ts";
import { formatSize } from "./size.ts";

/** One line of a screen of progress. */
export interface Row {
  label: string;
  /** Bytes. */
  current?: number | undefined;
  total?: number | undefined;
  /** Bytes per second. */
  rate?: number | undefined;
  state: "active" | "idle" | "done";
}

/** So that bars stand below each other: "aaaaaaaaaaaa: Downloading". */
const labelCells = 25;
const mostBarCells = 40;
const leastBarCells = 8;

/** "id: Downloading  [=====>    ]  1.5MB/30MB  2.1MB/s  14s", as much of it as fits in front of the last column. */
export function formatRow(row: Row, columns: number): string {
  const width = Math.max(1, columns - 1);
  // One cell for each character, whatever it is: a line that wraps would spoil the screen.
  const label = row.label.replace(/[^\x20-\x7e]/g, "?");
  const { current, total, rate } = row;
  if (current === undefined || current <= 0 || row.state === "done") return label.slice(0, width);
  const size = (bytes: number): string => formatSize(bytes, 3);
  const known = total !== undefined && total > 0;
  const parts = [known ? `${size(current)}/${size(total)}` : size(current)];
  if (rate !== undefined) parts.push(formatRate(rate));
  const eta = known ? formatEta(total - current, rate) : undefined;
  if (eta !== undefined && total !== current) parts.push(eta);
  let line = label.padEnd(labelCells);
  const bar = known ? width - line.length - `  ${parts.join("  ")}`.length - 4 : 0;
  if (known && bar >= leastBarCells)
    line += `  ${formatBar(current / total, Math.min(bar, mostBarCells))}`;
  for (const part of parts) {
    if (line.length + 2 + part.length > width) break;
    line += `  ${part}`;
  }
  return line.slice(0, width);
}

function formatBar(share: number, cells: number): string {
  const full = Math.min(cells, Math.floor(share * cells));
  return `[${`${"=".repeat(full)}${full < cells ? ">" : ""}`.padEnd(cells)}]`;
}

/** All rows if they fit in `lines`, else those at work before those that wait before those done, and a count of the rest. */
export function fitRows(rows: readonly Row[], lines: number, columns: number): string[] {
  if (rows.length <= lines) return rows.map((row) => formatRow(row, columns));
  const order = { active: 0, idle: 1, done: 2 };
  const byUse = rows.toSorted((a, b) => order[a.state] - order[b.state]);
  const shown = new Set(byUse.slice(0, Math.max(0, lines - 1)));
  const hidden = rows.filter((row) => !shown.has(row));
  const done = hidden.filter(({ state }) => state === "done").length;
  const waiting = hidden.length - done;
  const counts = [
    ...(done > 0 ? [`${done} done`] : []),
    ...(waiting > 0 ? [`${waiting} to do`] : []),
  ];
  const rest: Row = { label: `... and ${hidden.length} more: ${counts.join(", ")}`, state: "idle" };
  return [...rows.filter((row) => shown.has(row)), ...(lines > 0 ? [rest] : [])].map((row) =>
    formatRow(row, columns),
  );
}

/** Lines of a terminal that text of this length takes once it is `columns` wide. */
export function heightOf(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, { length }) => sum + Math.max(1, Math.ceil(length / columns)), 0);
}
