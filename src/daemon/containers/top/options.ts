import { EngineError } from "../../../errors.ts";
import { bsdFormat, type Column, columns, fullFormat, shortFormat, userFormat } from "./columns.ts";

/**
 * The columns that the options of `ps` ask for. Which processes are shown is no matter of theirs here,
 * so that selections of all are accepted and those of some are refused.
 */
export function parsePsOptions(text: string): Column[] {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const asked: Column[] = [];
  let format = words.length === 0 ? fullFormat : shortFormat;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const letters = splitLetters(word, words[at + 1]);
    if (letters.tookNext) at += 1;
    if (letters.list !== undefined) asked.push(...parseList(letters.list));
    for (const letter of letters.flags) format = chooseFormat(letter, letters.isBsd, format, text);
  }
  return asked.length > 0 ? asked : format;
}

interface Letters {
  isBsd: boolean;
  flags: string[];
  /** What stands behind an `o`. */
  list: string | undefined;
  tookNext: boolean;
}

function splitLetters(word: string, next: string | undefined): Letters {
  const long = /^--format(?:=(.*))?$/.exec(word);
  if (long) return withList({ isBsd: false, flags: [] }, long[1], next);
  if (word.startsWith("--")) throw notDone(word);
  const isBsd = !word.startsWith("-");
  const letters = isBsd ? word : word.slice(1);
  const at = letters.search(/o/);
  if (at < 0) return { isBsd, flags: [...letters], list: undefined, tookNext: false };
  const flags = [...letters.slice(0, at)];
  return withList({ isBsd, flags }, letters.slice(at + 1) || undefined, next);
}

function withList(
  head: Pick<Letters, "isBsd" | "flags">,
  own: string | undefined,
  next: string | undefined,
): Letters {
  const list = own ?? next;
  if (list === undefined) {
    throw new EngineError("invalid_argument", "ps: format specification must follow -o");
  }
  return { ...head, list, tookNext: own === undefined };
}

function chooseFormat(letter: string, isBsd: boolean, format: Column[], text: string): Column[] {
  if (isBsd) {
    if (letter === "u") return userFormat;
    // All, also those without a terminal, and in full width.
    if ("ax".includes(letter)) return format === shortFormat ? bsdFormat : format;
    if (letter === "w") return format;
  } else {
    if (letter === "f") return fullFormat;
    if ("eAadxw".includes(letter)) return format;
  }
  throw notDone(text);
}

function parseList(list: string): Column[] {
  // "name=TITLE" takes the rest of the list for its title, as POSIX says.
  const [, plain = "", renamed, title = ""] = /^([^=]*?)(?:([^=,]+)=(.*))?$/.exec(list) ?? [];
  const names = plain.split(",").filter((name) => name !== "");
  const found = names.map(find);
  if (renamed !== undefined) {
    if (renamed.toLowerCase() !== "pid" && title.startsWith("PID")) {
      throw new EngineError("invalid_argument", `specifying "${renamed}=${title}" is not allowed`);
    }
    found.push({ ...find(renamed), title });
  }
  return found;
}

function find(name: string): Column {
  const known = name.toLowerCase();
  if (Object.hasOwn(columns, known)) return columns[known] as Column;
  throw new EngineError("invalid_argument", `ps: unknown user-defined format specifier "${name}"`, {
    hint: `known are ${Object.keys(columns).join(", ")}`,
  });
}

function notDone(what: string): EngineError {
  return new EngineError("not_implemented", `these options of ps are not implemented: "${what}"`, {
    hint: "rt lists processes itself; it knows -ef, aux and -o LIST with their like",
  });
}
