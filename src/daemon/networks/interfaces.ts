import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** Without waiting: nothing else happens between this question and what is done about it. */
export function hasInterface(name: string): boolean {
  return existsSync(`/proc/sys/net/ipv4/conf/${name}`);
}

/** Names of the interfaces in the daemon's network namespace, whatever is mounted at /sys. */
export async function readInterfaces(): Promise<string[]> {
  return parseInterfaces(await readFile("/proc/self/net/dev", "utf8"));
}

/** Two lines of headings, then "  eth0: 1 2 3 …"; a name has no colon, see net(5). */
export function parseInterfaces(text: string): string[] {
  return text
    .split("\n")
    .slice(2)
    .map((line) => line.slice(0, Math.max(line.indexOf(":"), 0)).trim())
    .filter((name) => name !== "");
}
