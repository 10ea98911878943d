import type { Output } from "./output.ts";
import { formatSize } from "./size.ts";
import { tameLine } from "./tame.ts";
import type { TerminalSize } from "./terminal.ts";

/** One step of one piece of work. */
export interface ProgressLine {
  /** Lines of one id replace each other on a terminal. */
  id?: string;
  text: string;
  /** Bytes. */
  current?: number;
  total?: number;
  /** Said on plain output too. */
  final: boolean;
}

const barCells = 50;
/** Narrower terminals get numbers alone. */
const barColumns = 110;

/**
 * Shows work as it goes: on a terminal one line for each piece, redrawn in place; elsewhere plain
 * lines, of final steps only.
 */
export class ProgressView {
  readonly #output: Output;
  readonly #size: TerminalSize | undefined;
  readonly #rows = new Map<string, number>();
  #height = 0;

  constructor(output: Output, size: TerminalSize | undefined) {
    this.#output = output;
    this.#size = size;
  }

  update(line: ProgressLine): void {
    const label = line.id === undefined ? "" : `${line.id}: `;
    if (!this.#size) {
      if (line.final) this.#output.line(tameLine(`${label}${line.text}`));
      return;
    }
    const text = tameLine(`${label}${line.text}${formatProgress(line, this.#size.columns)}`);
    this.#draw(line.id, text.slice(0, Math.max(1, this.#size.columns - 1)));
  }

  /** Leaves the terminal below what was drawn. */
  finish(): void {
    this.#rows.clear();
    this.#height = 0;
  }

  #draw(id: string | undefined, text: string): void {
    if (id === undefined) {
      this.finish();
      this.#output.line(text);
      return;
    }
    const row = this.#rows.get(id);
    if (row === undefined) {
      this.#rows.set(id, this.#height++);
      this.#output.steer(`\u001b[2K${text}\n`);
      return;
    }
    const up = this.#height - row;
    this.#output.steer(`\u001b[${up}A\u001b[2K\r${text}\u001b[${up}B\r`);
  }
}

/** " [==>   ] 1.5MB/30MB", as Docker draws it. */
export function formatProgress({ current, total }: ProgressLine, columns: number): string {
  if (current === undefined || current <= 0) return "";
  if (total === undefined || total <= 0) return ` ${formatSize(current).padStart(8)}`;
  const cells = Math.min(barCells, Math.floor((current / total) * barCells));
  const head = cells < barCells ? ">" : "";
  const bar = `[${"=".repeat(cells)}${head}${" ".repeat(Math.max(0, barCells - cells - head.length))}] `;
  const numbers = `${formatSize(current).padStart(8)}/${formatSize(total)}`;
  return ` ${columns > barColumns ? bar : ""}${numbers}`;
}
