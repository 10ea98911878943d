/** API versions this engine accepts and the one it speaks by default. */
export const apiVersion = "1.56";
export const minApiVersion = "1.24";

/** Splits "/v1.41/containers/json" into its version and path; no version gives undefined. */
export function splitVersion(path: string): { version: string | undefined; path: string } {
  const match = /^\/v([\d.]+)(\/.*)$/.exec(path);
  return match ? { version: match[1], path: match[2] ?? "/" } : { version: undefined, path };
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b` ("1.41"). */
export function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}
