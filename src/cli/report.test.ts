import { expect, test } from "bun:test";
import { EngineError } from "../errors.ts";
import { defineCommand } from "./command.ts";
import { UsageError } from "./flags.ts";
import { Output, OutputClosed } from "./output.ts";
import { report } from "./report.ts";

class Recorder extends Output {
  text = "";
  override print(text: string): void {
    this.text += text;
  }
}

const run = defineCommand({
  name: "run",
  summary: "",
  usage: "IMAGE",
  arity: { min: 1 },
  flags: { all: { kind: "bool", summary: "" } },
  failureExit: 125,
  run: () => Promise.resolve(0),
});
const { failureExit: _, ...ps } = run;

function tell(error: unknown, command = run, name = "run") {
  const stderr = new Recorder(2);
  const session = {
    program: "rt",
    target: { host: undefined, tls: {} },
    stdout: new Recorder(1),
    stderr,
  };
  const exit = report(error, session, { name, command });
  return { exit, text: stderr.text };
}

test("report tells a usage error with the command's usage and exits 125", () => {
  expect(tell(new UsageError("unknown flag: --foo"), ps, "ps")).toEqual({
    exit: 125,
    text: "unknown flag: --foo\n\nUsage:  rt ps [OPTIONS] IMAGE\n\nRun 'rt ps --help' for more information\n",
  });
});

test("report tells of a failed run as Docker does, with the code's exit status", () => {
  const error = new EngineError("command_not_found", "Error response from daemon: no x");
  expect(tell(error)).toEqual({
    exit: 127,
    text: "rt: Error response from daemon: no x\n\nRun 'rt run --help' for more information\n",
  });
  expect(tell(new EngineError("internal", "x")).exit).toBe(125);
});

test("report lets the daemon's words stand alone elsewhere, and adds the hint", () => {
  const error = new EngineError("not_found", "Error response from daemon: No such container: x");
  expect(tell(error, ps, "rm")).toEqual({
    exit: 1,
    text: "Error response from daemon: No such container: x\n",
  });
  expect(tell(new EngineError("unavailable", "no daemon", { hint: "start it" }), ps, "ps")).toEqual(
    {
      exit: 1,
      text: "rt: no daemon\nhint: start it\n",
    },
  );
});

test("report removes control bytes from what others said", () => {
  expect(tell(new Error("a\u001b[31mb\u0007"), ps, "ps").text).toBe("rt: a[31mb\n");
});

test("report is silent when stdout was closed", () => {
  expect(tell(new OutputClosed())).toEqual({ exit: 141, text: "" });
});
