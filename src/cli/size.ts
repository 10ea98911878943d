const decimalUnits = ["B", "kB", "MB", "GB", "TB", "PB"];
const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** 1_234_567 → "1.23MB": powers of 1000, `digits` significant digits, as Docker prints sizes. */
export function formatSize(bytes: number, digits = 4): string {
  return format(bytes, 1000, decimalUnits, digits);
}

/** 1_610_612_736 → "1.5GiB". */
export function formatBinarySize(bytes: number): string {
  return format(bytes, 1024, binaryUnits, 4);
}

function format(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return `${shortest(value, digits)}${units[unit]}`;
}

/** Go's %.*g: at most `digits` significant digits, no trailing zeros. */
function shortest(value: number, digits: number): string {
  // JavaScript too turns to exponents where the digits do not reach the point: 999.99 → "1.00e+3".
  const [text = "", exponent] = value.toPrecision(digits).split("e+");
  const mantissa = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return exponent === undefined ? mantissa : `${mantissa}e+${exponent.padStart(2, "0")}`;
}
