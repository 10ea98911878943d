import type { Output } from "./output.ts";
import { fitRows, formatRow, heightOf, type Row } from "./progress-layout.ts";
import { RateMeter } from "./rate.ts";
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
  /** There was nothing to do: its bytes are no part of the sum. */
  skipped?: boolean;
}

/** Between two pictures, in milliseconds. */
const interval = 100;

interface Piece {
  line: ProgressLine;
  meter: RateMeter;
  bytes: number;
  /** What was there before the first byte came. */
  base: number | undefined;
  total: number | undefined;
}

/**
 * Shows work as it goes: on a terminal one line for each piece and one for their sum, redrawn in place and never more
 * than the terminal has; elsewhere plain lines, of final steps only.
 */
export class ProgressView {
  readonly #output: Output;
  #size: TerminalSize | undefined;
  readonly #pieces = new Map<string, Piece>();
  readonly #sum = new RateMeter();
  /** What stands on the terminal. */
  #drawn: string[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(output: Output, size: TerminalSize | undefined) {
    this.#output = output;
    this.#size = size;
  }

  resize(size: TerminalSize): void {
    if (this.#size === undefined) return;
    this.#size = size;
    if (this.#drawn.length > 0) this.#draw();
  }

  /** Sizes of pieces to come, by id. */
  expect(sizes: Readonly<Record<string, number>>): void {
    for (const [id, total] of Object.entries(sizes)) {
      const piece = this.#piece({ id, text: "", final: false });
      piece.total = total;
    }
  }

  update(line: ProgressLine): void {
    if (this.#size === undefined) {
      const label = line.id === undefined ? "" : `${line.id}: `;
      if (line.final) this.#output.line(tameLine(`${label}${line.text}`));
      return;
    }
    if (line.id === undefined) {
      this.finish();
      this.#output.line(tameLine(line.text));
      return;
    }
    this.#note({ ...line, id: line.id }, performance.now());
    if (this.#timer === undefined) {
      this.#draw();
      this.#timer = setInterval(() => this.#draw(), interval);
      this.#timer.unref();
    }
  }

  /** Leaves the terminal below the last word on each piece; after a failure on those alone that are done. */
  finish(failed = false): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const size = this.#size;
    if (size === undefined) return;
    const left = [...this.#pieces].filter(
      ([, { line }]) => line.text !== "" && (line.final || !failed),
    );
    const lines = left.map(([id, { line }]) =>
      formatRow({ label: tameLine(`${id}: ${line.text}`), state: "done" }, size.columns),
    );
    this.#replace(lines);
    this.#drawn = [];
    this.#pieces.clear();
  }

  #piece(line: ProgressLine & { id: string }): Piece {
    const known = this.#pieces.get(line.id);
    if (known !== undefined) return known;
    const piece = { line, meter: new RateMeter(), bytes: 0, base: undefined, total: undefined };
    this.#pieces.set(line.id, piece);
    return piece;
  }

  #note(line: ProgressLine & { id: string }, now: number): void {
    const piece = this.#piece(line);
    if (piece.line.text !== line.text) piece.meter = new RateMeter();
    piece.line = line;
    piece.total = line.skipped ? undefined : (line.total ?? piece.total);
    if (line.final) piece.bytes = piece.total ?? 0;
    if (line.current !== undefined) {
      piece.bytes = line.current;
      piece.meter.add(line.current, now);
    }
    if (piece.bytes > 0) piece.base ??= piece.bytes;
    const pieces = [...this.#pieces.values()];
    this.#sum.add(
      pieces.reduce((sum, { bytes, base }) => sum + bytes - (base ?? 0), 0),
      now,
    );
  }

  #draw(): void {
    const size = this.#size;
    if (size === undefined) return;
    const now = performance.now();
    const rows = [...this.#pieces]
      .filter(([, { line }]) => line.text !== "")
      .map(([id, piece]) => toRow(id, piece, now));
    const sum = this.#toSum(now);
    // The cursor has a line of its own.
    const room = Math.max(1, size.rows - 1);
    const isAlone = sum === undefined || room < 2;
    const lines = fitRows(rows, isAlone ? room : room - 1, size.columns);
    this.#replace(isAlone ? lines : [...lines, formatRow(sum, size.columns)]);
  }

  /** All pieces together, if that says more than they do. */
  #toSum(now: number): Row | undefined {
    const sized = [...this.#pieces.values()].filter(({ total }) => total !== undefined);
    if (sized.length < 2) return undefined;
    const current = sized.reduce((sum, { bytes }) => sum + bytes, 0);
    const total = sized.reduce((sum, piece) => sum + (piece.total ?? 0), 0);
    const done = sized.filter(({ line }) => line.final).length;
    const rate = current < total ? this.#sum.rate(now) : undefined;
    return { label: `Total: ${done}/${sized.length}`, current, total, rate, state: "active" };
  }

  #replace(lines: string[]): void {
    const up = heightOf(this.#drawn, this.#size?.columns ?? 80);
    const text = lines.map((line) => `${line}\u001b[K\n`).join("");
    // A terminal that has become narrower has wrapped what stood there: below the new picture all is cleared.
    if (up + lines.length > 0)
      this.#output.steer(`\r${up > 0 ? `\u001b[${up}A` : ""}${text}\u001b[J`);
    this.#drawn = lines;
  }
}

function toRow(id: string, { line, meter, total }: Piece, now: number): Row {
  const state = line.final ? "done" : line.current === undefined ? "idle" : "active";
  const { current } = line;
  const rate = current === line.total ? undefined : meter.rate(now);
  return { label: tameLine(`${id}: ${line.text}`), current, total, rate, state };
}
