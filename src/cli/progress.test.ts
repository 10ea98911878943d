import { expect, test } from "bun:test";
import { Output } from "./output.ts";
import { type ProgressLine, ProgressView } from "./progress.ts";

class Recorder extends Output {
  text = "";
  override print(text: string): void {
    this.text += text;
  }
  override steer(text: string): void {
    this.text += text;
  }
}

const steps: ProgressLine[] = [
  { id: "latest", text: "Pulling from library/x", final: true },
  { id: "aaaaaaaaaaaa", text: "Pulling fs layer", final: false },
  { id: "bbbbbbbbbbbb", text: "Pulling fs layer", final: false },
  { id: "aaaaaaaaaaaa", text: "Downloading", current: 500_000, total: 1_000_000, final: false },
  { id: "bbbbbbbbbbbb", text: "Pull complete", final: true },
  { id: "aaaaaaaaaaaa", text: "Pull complete", final: true },
  { text: "Digest: sha256:00", final: true },
  { text: "Status: Downloaded \u001b[31mnewer image", final: true },
];

function show(size: { rows: number; columns: number } | undefined): string {
  const recorder = new Recorder(2);
  const view = new ProgressView(recorder, size);
  for (const step of steps) view.update(step);
  view.finish();
  return recorder.text;
}

test("ProgressView prints final steps alone when there is no terminal", () => {
  expect(show(undefined)).toBe(
    [
      "latest: Pulling from library/x",
      "bbbbbbbbbbbb: Pull complete",
      "aaaaaaaaaaaa: Pull complete",
      "Digest: sha256:00",
      "Status: Downloaded [31mnewer image",
      "",
    ].join("\n"),
  );
});

/** What a terminal shows in the end: enough of one for the sequences that are used. */
function screen(text: string): string[] {
  const lines = [""];
  let [row, column] = [0, 0];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal reads
  for (const [, count, command, other] of text.matchAll(/\u001b\[(\d*)([A-Z])|([^\u001b])/g)) {
    const line = lines[row] ?? "";
    if (command === "A") row = Math.max(0, row - Number(count));
    else if (command === "K") lines[row] = line.slice(0, column);
    else if (command === "J") lines.splice(row, lines.length, line.slice(0, column));
    else if (other === "\r") column = 0;
    else if (other === "\n") {
      row++;
      column = 0;
      lines[row] ??= "";
    } else {
      lines[row] = line.slice(0, column).padEnd(column) + other + line.slice(column + 1);
      column++;
    }
  }
  return lines;
}

test("ProgressView leaves one line for each piece on a terminal, and nothing else", () => {
  expect(screen(show({ rows: 24, columns: 80 }))).toEqual([
    "latest: Pulling from library/x",
    "aaaaaaaaaaaa: Pull complete",
    "bbbbbbbbbbbb: Pull complete",
    "Digest: sha256:00",
    "Status: Downloaded [31mnewer image",
    "",
  ]);
});

function live(size: { rows: number; columns: number }, count: number) {
  const recorder = new Recorder(2);
  const view = new ProgressView(recorder, size);
  const ids = Array.from({ length: count }, (_, n) => `${n}`.padStart(12, "0"));
  view.expect(Object.fromEntries(ids.map((id) => [id, 1_000_000])));
  for (const id of ids) view.update({ id, text: "Pulling fs layer", final: false });
  view.update({
    id: ids[0] ?? "",
    text: "Downloading",
    current: 500_000,
    total: 1_000_000,
    final: false,
  });
  view.resize(size);
  return { recorder, view, shown: () => screen(recorder.text) };
}

test("ProgressView shows one line for each piece and one for all, before the sizes have their turn", () => {
  const { view, shown } = live({ rows: 24, columns: 80 }, 3);
  expect(shown()).toEqual([
    expect.stringMatching(/^0{12}: Downloading {2}\[=+> +\] {2}500kB\/1MB$/),
    "000000000001: Pulling fs layer",
    "000000000002: Pulling fs layer",
    expect.stringMatching(/^Total: 0\/3 {17}\[=+> +\] {2}500kB\/3MB$/),
    "",
  ]);
  view.finish(true);
  expect(shown()).toEqual([""]);
});

test("ProgressView is never higher or wider than the terminal, also after that has changed", () => {
  for (const size of [
    { rows: 6, columns: 40 },
    { rows: 2, columns: 12 },
    { rows: 1, columns: 1 },
  ]) {
    const { view, shown } = live(size, 30);
    expect(shown().length).toBeLessThanOrEqual(Math.max(2, size.rows));
    for (const line of shown()) expect(line.length).toBeLessThan(Math.max(2, size.columns));
    view.finish();
    const wide = live({ rows: 40, columns: 100 }, 30);
    wide.view.resize(size);
    expect(wide.shown().filter((line) => line !== "").length).toBeLessThanOrEqual(31);
    wide.view.finish(true);
    expect(wide.shown().at(-1)).toBe("");
  }
});

test("ProgressView counts in the sum neither what was there already nor what came before", () => {
  const { view, shown } = live({ rows: 24, columns: 80 }, 3);
  view.update({ id: "000000000001", text: "Already exists", final: true, skipped: true });
  view.update({ id: "000000000002", text: "Pull complete", final: true });
  view.resize({ rows: 24, columns: 80 });
  expect(shown().at(-2)).toMatch(/^Total: 1\/2 .* 1\.5MB\/2MB$/);
  view.finish();
});
