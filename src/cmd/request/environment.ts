import { env } from "../../env.ts";
import { EngineError, messageOf } from "../../errors.ts";
import { cut, invalid } from "./parts.ts";

/**
 * Variables of --env-file and -e, files first. `NAME` alone takes the caller's value; one that has
 * none stays a bare name, which makes the engine drop the image's.
 */
export async function readEnvironment(
  files: readonly string[],
  items: readonly string[],
): Promise<string[]> {
  const variables: string[] = [];
  for (const file of files) {
    for (const line of await readLines(file, "env file")) {
      if (line.includes("=")) variables.push(line);
      else {
        const value = env.lookup(line.trim());
        if (value !== undefined) variables.push(`${line.trim()}=${value}`);
      }
    }
  }
  for (const item of items) {
    if (item === "" || item.startsWith("=")) {
      throw invalid(item, "-e, --env", `invalid environment variable: ${item}`);
    }
    const value = item.includes("=") ? undefined : env.lookup(item);
    variables.push(value === undefined ? item : `${item}=${value}`);
  }
  return variables;
}

/** Labels of --label-file and --label; the last of a name wins. */
export async function readLabels(
  files: readonly string[],
  items: readonly string[],
): Promise<Record<string, string>> {
  const lines: string[] = [];
  for (const file of files) {
    // Docker passes over a name without a value in a file, not on the command line.
    const inFile = await readLines(file, "label file");
    lines.push(...inFile.filter((line) => line.includes("=")));
  }
  for (const item of items) {
    if (item === "" || item.startsWith("=")) {
      throw invalid(item, "-l, --label", `invalid label '${item}': empty name`);
    }
  }
  return Object.fromEntries([...lines, ...items].map((line) => cut(line, "=")));
}

/** Lines that are neither empty nor comments; their names are checked. */
async function readLines(file: string, kind: string): Promise<string[]> {
  const name = kind === "env file" ? "--env-file" : "--label-file";
  const bad = (detail: string) =>
    new EngineError("invalid_argument", `${name}: invalid ${kind} (${file}): ${detail}`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await Bun.file(file).bytes());
  } catch (cause) {
    throw new EngineError(
      "invalid_argument",
      `${name}: cannot read ${kind} "${file}": ${messageOf(cause)}`,
      { cause },
    );
  }
  const lines: string[] = [];
  for (const raw of text.replaceAll("\r\n", "\n").split("\n")) {
    const line = raw.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const [variable] = cut(line, "=");
    if (variable === "") throw bad(`no variable name on line '${line}'`);
    if (line.includes("=") && /\s/.test(variable)) {
      throw bad(`variable '${variable}' contains whitespaces`);
    }
    lines.push(line);
  }
  return lines;
}
