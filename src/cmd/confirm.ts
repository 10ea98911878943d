import type { Output } from "../cli/output.ts";

/** Asks on the terminal, as Docker does; anything but y or yes, and no answer at all, is no. */
export async function confirm(stdout: Output, warning: string): Promise<boolean> {
  stdout.print(`${warning}\nAre you sure you want to continue? [y/N] `);
  await stdout.flush();
  for await (const line of console) {
    return /^y(es)?$/i.test(line.trim());
  }
  stdout.line("");
  return false;
}
