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

/** What a terminal of that size shows in the end: enough of one for the sequences that are used. */
function screen(text: string): string[] {
  const lines = [""];
  let row = 0;
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal reads
  for (const [, count, command, other] of text.matchAll(/\u001b\[(\d*)([A-Z])|([^\u001b])/g)) {
    if (command === "A") row -= Number(count);
    else if (command === "B") row += Number(count);
    else if (command === "K") lines[row] = "";
    else if (other === "\r") column = 0;
    else if (other === "\n") {
      row++;
      column = 0;
      lines[row] ??= "";
    } else {
      const line = (lines[row] ?? "").padEnd(column);
      lines[row] = line.slice(0, column) + other + line.slice(column + 1);
      column++;
    }
  }
  return lines;
}

test("ProgressView redraws each line in its place on a terminal", () => {
  expect(screen(show({ rows: 24, columns: 80 }))).toEqual([
    "latest: Pulling from library/x",
    "aaaaaaaaaaaa: Pull complete",
    "bbbbbbbbbbbb: Pull complete",
    "Digest: sha256:00",
    "Status: Downloaded [31mnewer image",
    "",
  ]);
});

test("ProgressView draws a bar where there is room for one, and never wraps a line", () => {
  const bar = "[=========================>                        ]";
  expect(show({ rows: 24, columns: 120 })).toContain(
    `aaaaaaaaaaaa: Downloading ${bar}    500kB/1MB`,
  );
  expect(show({ rows: 24, columns: 80 })).toContain("aaaaaaaaaaaa: Downloading    500kB/1MB");
  const narrow = show({ rows: 24, columns: 20 });
  expect(
    Math.max(
      ...screen(narrow)
        .slice(0, 3)
        .map((line) => line.length),
    ),
  ).toBeLessThan(20);
});
