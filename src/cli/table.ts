/**
 * Aligns cells that are divided by tabs, as Go's tabwriter does with Docker's settings: a column is
 * as wide as its widest cell and three spaces, ten at least; a line's last cell has no width.
 */
const minWidth = 10;
const padding = 3;

export function formatColumns(text: string): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const out = lines.map(() => "");
  alignFrom(lines, out, 0, lines.length, 0);
  return out.join("\n");
}

/** Writes column `column` of lines [from, to), and the columns after it. */
function alignFrom(
  lines: string[][],
  out: string[],
  from: number,
  to: number,
  column: number,
): void {
  let row = from;
  while (row < to) {
    if (!hasWidth(lines[row], column)) {
      out[row] += lines[row]?.[column] ?? "";
      row++;
      continue;
    }
    // Neighbours that have this column share its width.
    let end = row;
    let width = minWidth;
    while (end < to && hasWidth(lines[end], column)) {
      width = Math.max(width, Bun.stringWidth(lines[end]?.[column] ?? "") + padding);
      end++;
    }
    for (let i = row; i < end; i++) {
      const cell = lines[i]?.[column] ?? "";
      out[i] += cell + " ".repeat(width - Bun.stringWidth(cell));
    }
    alignFrom(lines, out, row, end, column + 1);
    row = end;
  }
}

function hasWidth(cells: string[] | undefined, column: number): boolean {
  return cells !== undefined && column < cells.length - 1;
}
