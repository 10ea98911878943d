import type { ContainerConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { readVariables, readWord, splitWords, type Variables } from "./words.ts";

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
type Change = (config: ContainerConfig, rest: string, variables: Variables) => ContainerConfig;

const changes: Record<string, Change> = {
  // As in a build: a new entrypoint takes back the image's command, which was made for another one.
  CMD: (config, rest) => ({ ...config, Cmd: command(config, rest) }),
  ENTRYPOINT: (config, rest) => ({ ...config, Entrypoint: command(config, rest), Cmd: [] }),
  ENV: (config, rest, variables) => ({
    ...config,
    Env: withVariables(config.Env ?? [], pairs("ENV", rest, variables)),
  }),
  EXPOSE: (config, rest, variables) => ({
    ...config,
    ExposedPorts: add(config.ExposedPorts, ports(rest, variables)),
  }),
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: healthcheck(rest) }),
  LABEL: (config, rest, variables) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(pairs("LABEL", rest, variables)) },
  }),
  ONBUILD: (config, rest) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), rest] }),
  SHELL: (config, rest) => ({ ...config, Shell: list("SHELL", rest) }),
  STOPSIGNAL: (config, rest, variables) => ({ ...config, StopSignal: readWord(rest, variables) }),
  USER: (config, rest, variables) => ({ ...config, User: readWord(rest, variables) }),
  VOLUME: (config, rest, variables) => ({
    ...config,
    Volumes: add(config.Volumes, volumes(rest, variables)),
  }),
  WORKDIR: (config, rest, variables) => ({
    ...config,
    WorkingDir: join(config.WorkingDir ?? "", filled("cannot normalize nothing", rest, variables)),
  }),
};

/**
 * Applies instructions like `ENV A=b`, each of which may hold several lines. Variables in them are those that the
 * config has by then, as in a build; commands are left to their shell.
 */
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
    changed = change(changed, rest, readVariables(changed.Env ?? []));
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
function pairs(name: string, text: string, variables: Variables): [string, string][] {
  const words = splitWords(text, variables);
  if (!words[0]?.includes("=")) {
    const [, key = "", value] = /^(\S+)\s+(.*)$/s.exec(text) ?? [];
    if (value === undefined) {
      throw new EngineError("invalid_argument", `${name} must have two arguments`);
    }
    return [[key, readWord(value, variables)]];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
    const text = `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`;
    throw new EngineError("invalid_argument", text);
  });
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

function ports(text: string, variables: Variables): string[] {
  return splitWords(text, variables).map((word) => {
    if (!/^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(word))
      throw new EngineError("invalid_argument", `invalid containerPort: ${word}`);
    return word.includes("/") ? word : `${word}/tcp`;
  });
}

function volumes(text: string, variables: Variables): string[] {
  const words =
    parseList(text)?.map((word) => readWord(word, variables)) ?? splitWords(text, variables);
  if (!words.includes("")) return words;
  throw new EngineError("invalid_argument", "VOLUME specified can not be an empty string");
}

/** A word that is more than nothing once its variables stand for what they are. */
function filled(refusal: string, text: string, variables: Variables): string {
  const word = readWord(text, variables);
  if (word !== "") return word;
  throw new EngineError("invalid_argument", refusal);
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
