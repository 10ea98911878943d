import { expect, test } from "bun:test";
import { createLog } from "./log.ts";

function lines(act: (log: ReturnType<typeof createLog>) => void): string {
  let text = "";
  act(
    createLog("info", (line) => {
      text += line;
    }),
  );
  return text;
}

const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";

test("a line has its time, its level and its words", () => {
  expect(lines((log) => log.info("ready on %s"))).toMatch(
    new RegExp(`^${time} \\[info\\] ready on %s\\n$`),
  );
  expect(lines((log) => log.debug("quiet"))).toBe("");
});

test("an error comes with its cause, and its words cannot pass for another line", () => {
  const error = new Error("bad\n2026-01-01 [info] all is well\x1b[2J", { cause: new Error("why") });
  const text = lines((log) => log.error("do %s %d:", error));
  expect(text).toContain("do %s %d: ");
  expect(text).toContain("why");
  expect(text).not.toContain("\x1b");
  for (const line of text.trimEnd().split("\n").slice(1)) expect(line).toStartWith("    ");
});

test("the same twice is two lines", () => {
  expect(lines((log) => [log.warn("a"), log.warn("a")]).split("\n")).toHaveLength(3);
});
