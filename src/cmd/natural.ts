/** Order of names in Docker's lists: byte by byte, but numbers in them by their value. */
export function compareNatural(a: string, b: string): number {
  const [left, right] = [chunks(a), chunks(b)];
  for (let at = 0; at < left.length && at < right.length; at++) {
    const order = compareChunks(left[at] ?? "", right[at] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Runs of digits, and single characters between them. */
function chunks(text: string): string[] {
  return text.match(/\d+|\D/g) ?? [];
}

function compareChunks(a: string, b: string): number {
  if (!/^\d/.test(a) || !/^\d/.test(b)) return compare(a, b);
  const [x, y] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  return x.length - y.length || compare(x, y) || a.length - b.length;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
