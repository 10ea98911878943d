import type { CheckProblem } from "../../api/check.ts";
import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { openEngine } from "../../client/open.ts";
import { SystemClient } from "../../client/system.ts";
import { EngineError } from "../../errors.ts";

export const check = defineCommand({
  name: "check",
  summary: "Look for damage in the image store",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    quick: { kind: "bool", summary: "Look at presence and sizes only" },
    repair: { kind: "bool", summary: "Unpack or pull again what is damaged" },
  },
  async run({ flags: { quick, repair }, target, stdout }) {
    const client = new SystemClient(openEngine(target).transport);
    for await (const { problem, summary, error } of client.check({ quick, repair })) {
      if (error !== undefined) throw new EngineError("internal", error);
      if (problem) stdout.line(describeProblem(problem));
      if (!summary) continue;
      const { layers, blobs, unproved, problems, repaired } = summary;
      const damage = problems === 0 ? "no damage" : `${problems} damaged, ${repaired} repaired`;
      if (unproved > 0)
        stdout.line(`${count(unproved, "layer")} could not be compared: no blob is kept here`);
      stdout.line(`Checked ${count(layers, "layer")} and ${count(blobs, "blob")}: ${damage}`);
      return problems === repaired ? exitCodes.ok : exitCodes.failure;
    }
    throw new EngineError("unavailable", "the check ended early");
  },
});

export function describeProblem(problem: CheckProblem): string {
  const { kind, digest, images, detail, repaired, error } = problem;
  const end = repaired ? "repaired" : error === undefined ? "" : `not repaired: ${error}`;
  const text = `${kind} ${digest.slice(0, 19)} (${images.join(", ")}): ${detail}`;
  return end === "" ? text : `${text}; ${end}`;
}

const count = (number: number, noun: string): string =>
  `${number} ${noun}${number === 1 ? "" : "s"}`;
