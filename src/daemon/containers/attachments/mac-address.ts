import { EngineError } from "../../../errors.ts";

/** Six bytes of a single station: the lowest bit of the first marks a group (IEEE 802). */
export function parseMacAddress(text: string): string {
  const bytes = /^[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(\1[0-9a-fA-F]{2}){4}$/.test(text)
    ? text.replaceAll("-", ":").toLowerCase()
    : undefined;
  if (
    bytes === undefined ||
    Number.parseInt(bytes.slice(0, 2), 16) % 2 === 1 ||
    /^[0:]+$/.test(bytes)
  ) {
    throw new EngineError("invalid_argument", `invalid MAC address ${text}`);
  }
  return bytes;
}
