/**
 * A path as one line of text: as it is, or in quotes with escapes in C's manner where it holds what would end the
 * line, steer a terminal or is no text. `raw` has the bytes of the last in hexadecimal digits.
 */
export function showPath(path: string, raw?: string): string {
  const bytes = raw === undefined ? Buffer.from(path) : Buffer.from(raw, "hex");
  if (raw === undefined && !special.test(path)) return path;
  const text = new TextDecoder("utf-8", { fatal: false }).decode(bytes);
  // What is text stays readable; byte by byte only where it is none.
  const shown = raw === undefined ? [...text].map(escapeLetter) : [...bytes].map(escapeByte);
  return `"${shown.join("")}"`;
}

/** Control characters, marks that reorder text, and what quoting itself needs. */
const special =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"\\]/;

function escapeLetter(letter: string): string {
  if (!special.test(letter)) return letter;
  if (letter === '"' || letter === "\\") return `\\${letter}`;
  return [...Buffer.from(letter)].map(toOctal).join("");
}

function escapeByte(byte: number): string {
  const letter = String.fromCharCode(byte);
  return byte < 0x80 ? escapeLetter(letter) : toOctal(byte);
}

const toOctal = (byte: number): string => `\\${byte.toString(8).padStart(3, "0")}`;
