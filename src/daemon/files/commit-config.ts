import type { ContainerConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";

/** The settings that an image keeps; those of one container alone (hostname, terminal …) are left out. */
export function toImageConfig(config: ContainerConfig): Record<string, unknown> {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels } = config;
  const { StopSignal, StopTimeout, Shell, OnBuild, Healthcheck } = config;
  const kept = {
    ...{ User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels },
    ...{ StopSignal, StopTimeout, Shell, OnBuild, Healthcheck },
  };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value != null));
}

/** What `--change` may hold: the instructions of a Dockerfile that set something. */
type Change = (config: ContainerConfig, rest: string) => ContainerConfig;

const changes: Record<string, Change> = {
  // As in a build: a new entrypoint takes back the image's command, which was made for another one.
  CMD: (config, rest) => ({ ...config, Cmd: command(config, rest) }),
  ENTRYPOINT: (config, rest) => ({ ...config, Entrypoint: command(config, rest), Cmd: [] }),
  ENV: (config, rest) => ({ ...config, Env: withVariables(config.Env ?? [], pairs("ENV", rest)) }),
  EXPOSE: (config, rest) => ({ ...config, ExposedPorts: add(config.ExposedPorts, ports(rest)) }),
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: healthcheck(rest) }),
  LABEL: (config, rest) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(pairs("LABEL", rest)) },
  }),
  ONBUILD: (config, rest) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), rest] }),
  SHELL: (config, rest) => ({ ...config, Shell: list("SHELL", rest) }),
  STOPSIGNAL: (config, rest) => ({ ...config, StopSignal: rest }),
  USER: (config, rest) => ({ ...config, User: rest }),
  VOLUME: (config, rest) => ({ ...config, Volumes: add(config.Volumes, volumes(rest)) }),
  WORKDIR: (config, rest) => ({ ...config, WorkingDir: join(config.WorkingDir ?? "", rest) }),
};

/** Applies instructions like `ENV A=b`, each of which may hold several lines. */
export function applyChanges(config: ContainerConfig, lines: readonly string[]): ContainerConfig {
  let changed = config;
  for (const line of lines.flatMap((text) => text.split("\n"))) {
    const trimmed = line.trim();
    if (trimmed === "") continue;
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(trimmed) ?? [];
    const name = word.toUpperCase();
    const change = Object.hasOwn(changes, name) ? changes[name] : undefined;
    if (change === undefined) {
      throw new EngineError(
        "invalid_argument",
        `${word.toLowerCase()} is not a valid change command`,
      );
    }
    if (rest === "") {
      throw new EngineError("invalid_argument", `${name} requires at least one argument`);
    }
    changed = change(changed, rest);
  }
  return changed;
}

/** `["a", "b"]`, or a line for the shell. */
function command(config: ContainerConfig, rest: string): string[] {
  return parseList(rest) ?? [...(config.Shell ?? ["/bin/sh", "-c"]), rest];
}

function parseList(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
    return isList ? (value as string[]) : undefined;
  } catch {
    return undefined;
  }
}

function list(name: string, text: string): string[] {
  const found = parseList(text);
  if (found !== undefined) return found;
  throw new EngineError("invalid_argument", `${name} requires the arguments to be in JSON form`);
}

/** `A=b C="d e"`, or the older `A b c`. */
function pairs(name: string, text: string): [string, string][] {
  const words = splitWords(text);
  if (!words[0]?.includes("=")) {
    const [, key = "", value] = /^(\S+)\s+(.*)$/s.exec(text) ?? [];
    if (value === undefined) {
      throw new EngineError("invalid_argument", `${name} must have two arguments`);
    }
    return [[key, value]];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
    const text = `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`;
    throw new EngineError("invalid_argument", text);
  });
}

/** Words as a Dockerfile has them: quotes group, a backslash takes the next character as it is. */
function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "\\" && quote !== "'" && i + 1 < text.length) {
      word = (word ?? "") + text.charAt(++i);
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function withVariables(env: string[], set: [string, string][]): string[] {
  const values = new Map(env.map((variable) => [variable.split("=", 1)[0] ?? "", variable]));
  for (const [name, value] of set) values.set(name, `${name}=${value}`);
  return [...values.values()];
}

function add(
  before: Record<string, unknown> | null | undefined,
  names: string[],
): Record<string, object> {
  return {
    ...(before as Record<string, object>),
    ...Object.fromEntries(names.map((n) => [n, {}])),
  };
}

function ports(text: string): string[] {
  return splitWords(text).map((word) => {
    if (!/^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(word))
      throw new EngineError("invalid_argument", `invalid containerPort: ${word}`);
    return word.includes("/") ? word : `${word}/tcp`;
  });
}

function volumes(text: string): string[] {
  return parseList(text) ?? splitWords(text);
}

function join(from: string, to: string): string {
  return to.startsWith("/") ? to : `${from.replace(/\/$/, "")}/${to}`;
}

function healthcheck(text: string): NonNullable<ContainerConfig["Healthcheck"]> {
  if (text.toUpperCase() === "NONE") return { Test: ["NONE"] };
  const [, words = ""] = /^CMD\s+(.*)$/is.exec(text) ?? [];
  if (words === "") {
    const known = "HEALTHCHECK in a change may be NONE or CMD without options";
    throw new EngineError("not_implemented", known);
  }
  const parsed = parseList(words);
  return { Test: parsed === undefined ? ["CMD-SHELL", words] : ["CMD", ...parsed] };
}
