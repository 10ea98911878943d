import { lookup } from "node:dns/promises";
import { EngineError, messageOf } from "../../errors.ts";

/** Where a volume's data comes from at each start. */
export type VolumeSource =
  | { kind: "directory"; path: string }
  | { kind: "bind"; path: string; recursive: boolean; readonly: boolean }
  | { kind: "filesystem"; type: string; device: string; options: string[] };

/** Options of the local driver, and those that each of them needs beside it. */
const known: Record<string, string[]> = {
  type: ["device"],
  device: ["type"],
  o: ["device", "type"],
  size: [],
};

/** Refuses in Docker's words what the local driver does not know. */
export function checkDriver(driver: string | undefined, options: Record<string, string>): void {
  if (driver && driver !== "local") {
    throw new EngineError(
      "not_found",
      `error looking up volume plugin ${driver}: plugin "${driver}" not found`,
    );
  }
  for (const option of Object.keys(options)) {
    if (!Object.hasOwn(known, option))
      throw new EngineError("invalid_argument", `invalid option: "${option}"`);
  }
  if (options.size !== undefined)
    throw new EngineError("invalid_argument", "quota size requested but no quota support");
  for (const option of Object.keys(options)) {
    const missing = known[option]?.find((other) => options[other] === undefined);
    if (missing !== undefined)
      throw new EngineError("invalid_argument", `missing required option: "${missing}"`);
  }
  if (isBind(options) && !(options.device ?? "").startsWith("/")) {
    throw new EngineError(
      "invalid_argument",
      `invalid option: "device": ${JSON.stringify(options.device)} is not an absolute path`,
    );
  }
}

/** What to mount for a volume with these options whose own directory is `directory`. */
export function sourceOf(
  options: Record<string, string> | undefined,
  directory: string,
): VolumeSource {
  if (options === undefined || Object.keys(options).length === 0)
    return { kind: "directory", path: directory };
  const words = wordsOf(options);
  const device = options.device ?? "";
  if (isBind(options)) {
    const recursive = options.type === "rbind" || words.includes("rbind");
    return { kind: "bind", path: device, recursive, readonly: words.includes("ro") };
  }
  return { kind: "filesystem", type: options.type ?? "", device, options: words };
}

/** The kernel wants a server's address, not its name. */
export async function resolveAddress(source: VolumeSource): Promise<VolumeSource> {
  if (source.kind !== "filesystem" || !/^(nfs4?|cifs|smb3)$/.test(source.type)) return source;
  const options = await Promise.all(
    source.options.map(async (option) => {
      const name = /^addr=(.+)$/.exec(option)?.[1];
      if (name === undefined) return option;
      try {
        return `addr=${(await lookup(name)).address}`;
      } catch (cause) {
        throw new EngineError(
          "unavailable",
          `error resolving passed in network volume address: ${messageOf(cause)}`,
          { cause },
        );
      }
    }),
  );
  return { ...source, options };
}

function isBind(options: Record<string, string>): boolean {
  const words = wordsOf(options);
  return (
    ["bind", "rbind"].includes(options.type ?? "") ||
    words.includes("bind") ||
    words.includes("rbind")
  );
}

function wordsOf(options: Record<string, string>): string[] {
  return (options.o ?? "").split(",").filter((word) => word !== "");
}
