/**
 * What a terminal may be given of foreign text: control characters but for tabs and new lines, and the marks that
 * reorder text, are taken out. Names, labels and messages of images and containers pass here.
 */
export function tame(text: string): string {
  return text.replace(steering, "");
}

/** The same for one line of a screen. */
export function tameLine(text: string): string {
  return tame(text).replace(/[\t\n]/g, "");
}

/** Whether `tame` would take something out. */
export function isSteering(text: string): boolean {
  return text.search(steering) >= 0;
}

const steering =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
