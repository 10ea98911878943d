/** The stock docker CLI and rt's client side by side, at the same daemon. */
import { expect } from "bun:test";
import type { Finished, SpawnOptions } from "./process.ts";
import type { World } from "./world.ts";

/** Runs a command that changes nothing by both clients, which must say and answer the same. */
export async function both(
  world: World,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Finished> {
  const theirs = await world.docker(args, options);
  const ours = await world.rt(args, options);
  expect({ args, ...ours, stderr: bare(ours.stderr) }).toEqual({
    ...{ args, ...theirs },
    stderr: bare(theirs.stderr),
  });
  return theirs;
}

/**
 * The same of a command that prints JSON; resolves with its value. Docker's client puts members in an order of
 * its own: maps as text, other objects as its version knows them.
 */
export async function bothJson<T>(world: World, args: readonly string[]): Promise<T> {
  const theirs = await world.docker(args);
  if (theirs.code !== 0) throw new Error(`docker ${args.join(" ")}: ${theirs.stderr}`);
  expect(JSON.parse(await world.rtOutput(args))).toEqual(JSON.parse(theirs.stdout));
  return JSON.parse(theirs.stdout) as T;
}

/** The sentence alone: without who says it, rt's hints, and how the command is used. */
function bare(stderr: string): string {
  return stderr
    .replace(/^(docker|rt): (?:'\1)?/, "")
    .replace(/^hint: .*\n/gm, "")
    .replace(/\n\n(Usage|Run)[\s\S]*/, "\n")
    .replace(/^exit status \d+\n/m, "")
    .replace(/\n+$/, "\n");
}
