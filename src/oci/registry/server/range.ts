/**
 * Reads a Range header for content of `size` bytes. undefined: send it all (no header, another unit, or more
 * than one range, which a server may ignore). Both ends of a range are included.
 */
export function parseRange(
  header: string | null,
  size: number,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") {
    const length = Math.min(Number(match[2]), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (start >= size) return "unsatisfiable";
  return end < start ? undefined : { start, end };
}

/**
 * Reads the Content-Range of a chunk, "0-1023", without the unit that HTTP would have. undefined: it is none.
 * An empty chunk has a start only.
 */
export function parseContentRange(
  header: string,
  isEmpty: boolean,
): { start: number; length: number | undefined } | undefined {
  const match = /^(?:bytes )?([0-9]{1,15})-([0-9]{1,15})(?:\/(?:[0-9]{1,15}|\*))?$/.exec(header);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2]);
  if (isEmpty) return { start, length: undefined };
  return end < start ? undefined : { start, length: end - start + 1 };
}
