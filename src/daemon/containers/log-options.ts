import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { LogPlan } from "../../native-types/plan.ts";
import { Pattern } from "./pattern.ts";

export type LogConfig = NonNullable<HostConfig["LogConfig"]>;

/** What a driver's options mean, complete. */
export type LogSettings = Omit<LogPlan, "path" | "attrs">;

/** Rotation is on unless it is turned off: a log must not fill the disk. */
const defaults = { maxSize: 10_000_000, maxFile: 5, bufferSize: 1024 * 1024 };

const fileOptions = ["max-size", "max-file", "compress"];
const attributeOptions = ["labels", "labels-regex", "env", "env-regex", "tag"];
/** By driver; `mode` and `max-buffer-size` are every driver's. */
const drivers: Record<string, readonly string[]> = {
  "json-file": [...fileOptions, ...attributeOptions],
  local: fileOptions,
};

/** Names for `info`. */
export const logDrivers = [...Object.keys(drivers), "none"];

/** The daemon's options fill up those of a container with the same driver, as Docker does it. */
export function mergeLogConfig(asked: LogConfig | undefined, daemon: LogConfig): LogConfig {
  const type = asked?.Type || daemon.Type;
  const own = asked?.Config ?? {};
  return {
    ...(type === undefined ? {} : { Type: type }),
    Config: type === daemon.Type ? { ...daemon.Config, ...own } : own,
  };
}

/** Throws `invalid_argument` in Docker's words; null for the driver "none". */
export function parseLogConfig(config: LogConfig): LogSettings | null {
  const driver: string = config.Type ?? "json-file";
  const options = config.Config ?? {};
  if (driver === "none") return null;
  if (!isDriver(driver)) throw refuse(`logger: no log driver named '${driver}' is registered`);
  const mode = options.mode ?? "";
  if (!["", "blocking", "non-blocking"].includes(mode))
    throw refuse(`logger: logging mode not supported: ${mode}`);
  const blocking = mode !== "non-blocking";
  const buffer = options["max-buffer-size"];
  if (buffer !== undefined && blocking) {
    throw refuse("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  for (const name of Object.keys(options)) {
    if (name === "mode" || name === "max-buffer-size" || drivers[driver]?.includes(name)) continue;
    throw refuse(
      driver === "local"
        ? `unknown log opt '${name}' for log driver 'local'`
        : `unknown log opt '${name}' for json-file log driver`,
    );
  }
  for (const name of ["labels-regex", "env-regex"]) toPattern(options[name]);
  if (options.tag !== undefined) renderTag(options.tag, undefined);
  const bufferSize = buffer === undefined ? defaults.bufferSize : parseSize(buffer, 1024);
  return { driver, ...parseRotation(options), blocking, bufferSize };
}

function isDriver(name: string): name is LogSettings["driver"] {
  return Object.hasOwn(drivers, name);
}

function parseRotation(
  options: Record<string, string>,
): Pick<LogSettings, "maxSize" | "maxFile" | "compress"> {
  const size = options["max-size"];
  const maxSize =
    size === undefined ? defaults.maxSize : size === "-1" ? null : parseSize(size, 1000);
  if (maxSize === 0) throw refuse("max-size must be a positive number");
  const files = options["max-file"] ?? String(defaults.maxFile);
  if (!/^[+-]?\d{1,9}$/.test(files))
    throw refuse(`strconv.Atoi: parsing ${JSON.stringify(files)}: invalid syntax`);
  const maxFile = Number(files);
  if (maxFile < 1) throw refuse("max-file cannot be less than 1");
  const canCompress = maxFile > 1 && maxSize !== null;
  const compress = options.compress === undefined ? canCompress : parseBool(options.compress);
  if (compress && !canCompress) {
    throw refuse("compress cannot be true when max-file is less than 2 or max-size is not set");
  }
  return { maxSize, maxFile, compress };
}

function parseBool(text: string): boolean {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  throw refuse(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** "10m" and the like; Docker counts file sizes in thousands and buffers in 1024s. */
function parseSize(text: string, base: 1000 | 1024): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (!match) throw refuse(`invalid size: '${text}'`);
  const power = " kmgtp".indexOf((match[2] || " ").toLowerCase());
  return Math.min(Math.floor(Number(match[1]) * base ** power), Number.MAX_SAFE_INTEGER);
}

/** What a record of this container carries beside its text. */
export interface LogSubject {
  id: string;
  name: string;
  image: string;
  imageId: string;
  command: string[];
  env: readonly string[];
  labels: Record<string, string>;
}

/** The attributes that options ask for, as JSON; null if there are none. */
export function buildLogAttributes(
  options: Record<string, string>,
  subject: LogSubject,
): string | null {
  const found = new Map<string, string>();
  const env = Object.fromEntries(
    subject.env.map((entry) => {
      const cut = entry.indexOf("=");
      return cut < 0 ? [entry, ""] : [entry.slice(0, cut), entry.slice(cut + 1)];
    }),
  );
  for (const [names, pattern, values] of [
    [options.labels, options["labels-regex"], subject.labels],
    [options.env, options["env-regex"], env],
  ] as const) {
    const listed = names?.split(",") ?? [];
    const regex = toPattern(pattern);
    for (const [name, value] of Object.entries(values)) {
      if (listed.includes(name) || regex?.test(name)) found.set(name, value);
    }
  }
  const tag = options.tag === undefined ? "" : renderTag(options.tag, subject);
  if (tag !== "") found.set("tag", tag);
  if (found.size === 0) return null;
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(sorted));
}

function toPattern(text: string | undefined): Pattern | undefined {
  return text === undefined || text === "" ? undefined : new Pattern(text);
}

const tagFields: Record<string, (subject: LogSubject) => string> = {
  ID: ({ id }) => id.slice(0, 12),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageID: ({ imageId }) => imageId.replace(/^sha256:/, "").slice(0, 12),
  ImageFullID: ({ imageId }) => imageId,
  ImageName: ({ image }) => image,
  Command: ({ command }) => command.join(" "),
  DaemonName: () => "rt",
};

/** Of Go's templates the fields, which is what tags are made of. Without a subject it is only checked. */
function renderTag(template: string, subject: LogSubject | undefined): string {
  const rendered = template.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (_, name: string) => {
    const field = Object.hasOwn(tagFields, name) ? tagFields[name] : undefined;
    if (field === undefined)
      throw refuse(`template: log-tag: can't evaluate field ${name} in type logger.Info`);
    return subject === undefined ? "" : field(subject);
  });
  if (subject === undefined && rendered.includes("{{")) {
    throw new EngineError(
      "not_implemented",
      `log tag ${JSON.stringify(template)}: only fields such as {{.Name}} are supported`,
    );
  }
  return rendered;
}

function refuse(message: string): EngineError {
  return new EngineError("invalid_argument", message);
}
