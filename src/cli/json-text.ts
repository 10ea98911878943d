/** Lays JSON text out anew without reading its values: numbers and escapes stay as they were sent. */

const literal = /"(?:[^"\\]|\\.)*"|[^\s"[\]{},:]+|[[\]{},:]/g;

/** One member to a line, four spaces to a level, as Go's json.Indent. */
export function indentJson(text: string, unit = "    "): string {
  let out = "";
  let depth = 0;
  let opened = false;
  const newline = () => `\n${unit.repeat(depth)}`;
  for (const [token] of text.matchAll(literal)) {
    if (token === "}" || token === "]") {
      depth--;
      out += opened ? token : newline() + token;
      opened = false;
      continue;
    }
    if (opened) out += newline();
    opened = token === "{" || token === "[";
    if (opened) depth++;
    out += token;
    if (token === ",") out += newline();
    else if (token === ":") out += " ";
  }
  return out;
}

/** Without blanks, as Go's json.Compact. */
export function compactJson(text: string): string {
  return [...text.matchAll(literal)].map(([token]) => token).join("");
}
