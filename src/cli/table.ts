export interface ColumnStyle {
  /** Least width of a column. */
  minWidth: number;
  /** Spaces after the widest cell. */
  padding: number;
}

/** Docker's lists. */
const listStyle: ColumnStyle = { minWidth: 10, padding: 3 };

/**
 * Aligns cells that are divided by tabs, as Go's tabwriter does: neighbouring lines share the width of
 * their columns; a line's last cell has no width.
 */
export function formatColumns(text: string, style: ColumnStyle = listStyle): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const out = lines.map(() => "");
  alignFrom({ lines, out, style }, 0, lines.length, 0);
  return out.join("\n");
}

interface Layout {
  lines: string[][];
  out: string[];
  style: ColumnStyle;
}

/** Writes column `column` of lines [from, to), and the columns after it. */
function alignFrom(layout: Layout, from: number, to: number, column: number): void {
  const { lines, out, style } = layout;
  let row = from;
  while (row < to) {
    if (!hasWidth(lines[row], column)) {
      out[row] += lines[row]?.[column] ?? "";
      row++;
      continue;
    }
    // Neighbours that have this column share its width.
    let end = row;
    let width = style.minWidth;
    while (end < to && hasWidth(lines[end], column)) {
      width = Math.max(width, Bun.stringWidth(lines[end]?.[column] ?? "") + style.padding);
      end++;
    }
    for (let i = row; i < end; i++) {
      const cell = lines[i]?.[column] ?? "";
      out[i] += cell + " ".repeat(width - Bun.stringWidth(cell));
    }
    alignFrom(layout, row, end, column + 1);
    row = end;
  }
}

function hasWidth(cells: string[] | undefined, column: number): boolean {
  return cells !== undefined && column < cells.length - 1;
}
