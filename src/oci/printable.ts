/**
 * Makes foreign text safe to show: control bytes (C0, DEL, C1), line and paragraph separators, and the
 * marks that reorder text become "?", and what is longer than `max` characters is cut. Text for a terminal
 * or a message of ours goes through here if it came from a registry, an image or an archive.
 */
export function printable(text: string, max = 256): string {
  const clean = text.slice(0, max + 1).replace(hidden, "?");
  return clean.length > max ? `${clean.slice(0, max)}…` : clean;
}

const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
