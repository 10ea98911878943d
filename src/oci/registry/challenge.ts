/** One scheme of a WWW-Authenticate header (RFC 9110 §11.6.1). */
export interface Challenge {
  /** Lower case: "bearer", "basic". */
  scheme: string;
  /** Names in lower case. */
  parameters: Map<string, string>;
}

const maxHeader = 16 * 1024;
const scheme = /^[\s,]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:[ \t]+|(?=,)|$)/;
const parameter =
  /^[\s,]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/;

/** Reads all challenges of a header, several header lines having been joined by commas. */
export function parseChallenges(header: string | null): Challenge[] {
  let rest = (header ?? "").slice(0, maxHeader);
  const out: Challenge[] = [];
  for (;;) {
    const pair = parameter.exec(rest);
    const current = out.at(-1);
    if (pair !== null && current !== undefined) {
      const value = pair[2]?.replace(/\\(.)/g, "$1") ?? pair[3] ?? "";
      current.parameters.set((pair[1] ?? "").toLowerCase(), value);
      rest = rest.slice(pair[0].length);
      continue;
    }
    const next = scheme.exec(rest);
    if (next === null) return out;
    out.push({ scheme: (next[1] ?? "").toLowerCase(), parameters: new Map() });
    rest = rest.slice(next[0].length);
  }
}
