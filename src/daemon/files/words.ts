/** Words as a Dockerfile has them, and the variables in them. */

/** By name; a name that is not there is nothing. */
export type Variables = ReadonlyMap<string, string>;

/** From "NAME=VALUE". */
export function readVariables(env: readonly string[]): Variables {
  return new Map(
    env.map((variable) => {
      const at = variable.indexOf("=");
      return at < 0 ? [variable, ""] : [variable.slice(0, at), variable.slice(at + 1)];
    }),
  );
}

/** Quotes group, a backslash takes the next character as it is, and variables are what they stand for. */
export function splitWords(text: string, variables: Variables): string[] {
  return readWords(text, variables, true);
}

/** A text that is one word, blanks and all. */
export function readWord(text: string, variables: Variables): string {
  return readWords(text, variables, false).join("");
}

function readWords(text: string, variables: Variables, isSplit: boolean): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "\\" && quote !== "'" && i + 1 < text.length) {
      word = (word ?? "") + text.charAt(++i);
    } else if (char === "$" && quote !== "'") {
      const [written, value] = readVariable(text.slice(i), variables);
      word = (word ?? "") + value;
      i += written.length - 1;
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (isSplit && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** What a text begins with, "$NAME", "${NAME}", "${NAME:-ELSE}" or "${NAME:+THEN}", and what it stands for. */
function readVariable(text: string, variables: Variables): [written: string, value: string] {
  const found = /^\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/.exec(text);
  if (found === null) return ["$", "$"];
  const [written, plain, braced, mark, other = ""] = found;
  const value = variables.get(plain ?? braced ?? "") ?? "";
  if (mark === "-") return [written, value || other];
  if (mark === "+") return [written, value && other];
  return [written, value];
}
