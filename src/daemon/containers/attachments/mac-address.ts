import { EngineError } from "../../../errors.ts";

/** As Go reads them: "02:42:ac:11:00:02", "02-42-ac-11-00-02", "0242.ac11.0002". */
const forms = [
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i,
  /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i,
  /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/i,
];

/** Six bytes of a single station: the lowest bit of the first marks a group (IEEE 802). */
export function parseMacAddress(text: string): string {
  const bytes = forms.some((form) => form.test(text))
    ? text.replaceAll(/[:.-]/g, "").toLowerCase().replaceAll(/..\B/g, "$&:")
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
