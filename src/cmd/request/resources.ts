import type { HostConfig } from "../../api/types.ts";
import { cut, invalid, refuse } from "./parts.ts";

/** "1.5" → 1_500_000_000. */
export function parseNanoCpus(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1e9 : Number.NaN;
  if (Number.isNaN(value))
    throw invalid(text, "--cpus", `failed to parse ${text} as a rational number`);
  if (!Number.isInteger(Math.round(value * 1e3) / 1e3)) {
    throw invalid(text, "--cpus", "value is too precise");
  }
  return Math.round(value);
}

/** "no", "always", "unless-stopped" or "on-failure[:N]"; absent is "no", which is the engine's own. */
export function parseRestart(text: string | undefined): HostConfig["RestartPolicy"] {
  if (text === undefined || text === "" || text === "no") return undefined;
  const [name, count] = cut(text, ":");
  if (count !== "" && !/^\d+$/.test(count)) {
    throw refuse("invalid restart policy format: maximum retry count must be an integer");
  }
  const retries = count === "" ? {} : { MaximumRetryCount: Number(count) };
  // Names are judged by the engine, which may know more of them.
  return { Name: name as "always", ...retries };
}

const limitNames = [
  ["core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice"],
  ["nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"],
].flat();

/** "nofile=1024[:2048]"; one number is both limits, -1 is unlimited. */
export function parseUlimit(text: string): { Name: string; Soft: number; Hard: number } {
  const flag = "--ulimit";
  const match = /^([a-z]+)=(-?\d+|unlimited)(?::(-?\d+|unlimited))?$/.exec(text);
  if (!match?.[1] || !match[2]) throw invalid(text, flag, `invalid ulimit argument: ${text}`);
  if (!limitNames.includes(match[1])) throw invalid(text, flag, `invalid ulimit type: ${match[1]}`);
  const toLimit = (limit: string) => (limit === "unlimited" ? -1 : Number(limit));
  const soft = toLimit(match[2]);
  const hard = match[3] === undefined ? soft : toLimit(match[3]);
  if (hard !== -1 && (soft > hard || soft === -1)) {
    throw invalid(
      text,
      flag,
      `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
    );
  }
  return { Name: match[1], Soft: soft, Hard: hard };
}

/** Sysctls that have a namespace of their own; others would change the host. */
const namespaced =
  /^(net\.|fs\.mqueue\.|kernel\.(msg(max|mnb|mni)|sem|shm(all|max|mni|_rmid_forced))$)/;

export function parseSysctls(items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const [name, value] = cut(item, "=");
      if (item.includes("=") && namespaced.test(name)) return [name, value];
      throw invalid(item, "--sysctl", `sysctl '${item}' is not allowed`);
    }),
  );
}
