import { EngineError } from "../errors.ts";

/** One entry of a tar archive; `link` is the target of a link. */
export interface Header {
  name: string;
  type: "file" | "hardlink" | "symlink" | "char" | "block" | "directory" | "fifo";
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Seconds, with a fraction. */
  mtime: number;
  link: string;
  major?: number;
  minor?: number;
}

export const blockSize = 512;

const types = ["file", "hardlink", "symlink", "char", "block", "directory", "fifo"] as const;
const maxOctal = 0o77_777_777_777;
const maxId = 0o7_777_777;
/** Larger extension headers are refused. */
export const maxExtension = 1024 * 1024;

/** The bytes of a header; with a PAX record for each field that does not fit. */
export function buildHeader(header: Header): Uint8Array {
  const records = buildRecords(header);
  const main = buildBlock(header, String(types.indexOf(header.type)));
  if (records.length === 0) return main;
  const size = records.length;
  const extension = { ...header, name: "PaxHeaders.0/entry", link: "", size, mode: 0o644 };
  return Buffer.concat([buildBlock(extension, "x"), records, padding(size), main]);
}

function buildBlock(header: Header, flag: string): Buffer {
  const block = Buffer.alloc(blockSize);
  const number = (at: number, width: number, value: number, max: number): void => {
    const fits = Math.max(0, Math.min(Math.floor(value), max));
    block.write(fits.toString(8).padStart(width - 1, "0"), at, "latin1");
  };
  block.set(Buffer.from(header.name).subarray(0, 100), 0);
  number(100, 8, header.mode, 0o7777);
  number(108, 8, header.uid, maxId);
  number(116, 8, header.gid, maxId);
  number(124, 12, header.size, maxOctal);
  number(136, 12, header.mtime, maxOctal);
  block.write(flag, 156);
  block.set(Buffer.from(header.link).subarray(0, 100), 157);
  block.write("ustar\u000000", 257, "latin1");
  number(329, 8, header.major ?? 0, maxId);
  number(337, 8, header.minor ?? 0, maxId);
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function buildRecords(header: Header): Buffer {
  const records: Buffer[] = [];
  const add = (key: string, value: string): void => {
    records.push(buildRecord(key, value));
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  const fits = (text: string) => text.length <= 100 && /^[\u0000-\u007f]*$/.test(text);
  if (!fits(header.name)) add("path", header.name);
  if (!fits(header.link)) add("linkpath", header.link);
  if (header.size > maxOctal) add("size", String(header.size));
  if (header.uid > maxId) add("uid", String(header.uid));
  if (header.gid > maxId) add("gid", String(header.gid));
  if (header.mtime < 0 || header.mtime > maxOctal || !Number.isInteger(header.mtime))
    add("mtime", String(header.mtime));
  return Buffer.concat(records);
}

/** "LENGTH KEY=VALUE\n"; the length counts its own digits. */
function buildRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(key) + Buffer.byteLength(value) + 3;
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

/** Zeros from `size` bytes to the next block. */
export function padding(size: number): Uint8Array {
  return new Uint8Array((blockSize - (size % blockSize)) % blockSize);
}

/** What extension headers said of the entry to come. */
export interface Extensions {
  pax: Map<string, string>;
  name: string | undefined;
  link: string | undefined;
}

/** The header in a block, or the letter of an extension header with its size. */
export function parseHeader(
  block: Uint8Array,
  { pax, name, link }: Extensions,
): Header | { extension: string; size: number } {
  checkSum(block);
  const size = count(number(block, 124, 12));
  const flag = String.fromCharCode(block[156] ?? 0);
  if (/^[xgLK]$/.test(flag)) return { extension: flag, size };
  // Before POSIX a file had no letter, 7 was a file laid out in one piece.
  const digit = flag === "\0" || flag === "7" ? "0" : flag;
  const type = /^[0-6]$/.test(digit) ? types[Number(digit)] : undefined;
  if (type === undefined) throw damaged(`an entry of unknown type ${JSON.stringify(flag)}`);
  const prefix = text(block, 257, 6) === "ustar" ? text(block, 345, 155) : "";
  const own = `${prefix === "" ? "" : `${prefix}/`}${text(block, 0, 100)}`;
  const field = (key: string, at: number, width: number): number =>
    pax.get(key) ? decimal(pax.get(key) ?? "") : number(block, at, width);
  return {
    // An empty record takes back what an earlier one said.
    name: pax.get("path") || name || own,
    type,
    mode: number(block, 100, 8) % 0o10000,
    uid: count(field("uid", 108, 8), "owner"),
    gid: count(field("gid", 116, 8), "group"),
    size: type === "file" ? count(field("size", 124, 12)) : 0,
    mtime: time(field("mtime", 136, 12)),
    link: pax.get("linkpath") || link || text(block, 157, 100),
  };
}

function checkSum(block: Uint8Array): void {
  const stated = number(block, 148, 8);
  let sum = 0;
  for (let i = 0; i < blockSize; i++) sum += i >= 148 && i < 156 ? 32 : (block[i] ?? 0);
  if (sum !== stated) throw damaged("the checksum of a header is wrong");
}

export function parseRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  let rest = Buffer.from(bytes);
  while (rest.length > 0) {
    const space = rest.indexOf(32);
    const length = Number(rest.subarray(0, space).toString("latin1"));
    const record = rest.subarray(space + 1, length - 1).toString("utf8");
    const equals = record.indexOf("=");
    if (space < 1 || !(length > space + 1) || length > rest.length || equals < 1)
      throw damaged("a record of an extension header is malformed");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    rest = rest.subarray(length);
  }
  return records;
}

/** Up to the first NUL. */
export function text(bytes: Uint8Array, at = 0, width = bytes.length): string {
  const field = Buffer.from(
    bytes.buffer,
    bytes.byteOffset + at,
    Math.min(width, bytes.length - at),
  );
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? field.length : end).toString("utf8");
}

/** Octal digits, or base 256 where the first bit is set. */
function number(block: Uint8Array, at: number, width: number): number {
  const field = block.subarray(at, at + width);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    return field.reduce((value, byte, i) => value * 256 + (i === 0 ? byte & 0x7f : byte), 0);
  }
  const digits = text(field).trim();
  if (digits === "") return 0;
  if (!/^[0-7]+$/.test(digits)) throw damaged("a number in a header is malformed");
  return Number.parseInt(digits, 8);
}

/** As PAX writes them; what JavaScript takes for numbers beside that would be read otherwise elsewhere. */
function decimal(digits: string): number {
  return /^-?[0-9]{1,20}(\.[0-9]{1,20})?$/.test(digits) ? Number(digits) : Number.NaN;
}

function time(value: number): number {
  if (Number.isFinite(value)) return value;
  throw damaged("the time of an entry is impossible");
}

/** What counts bytes or names an owner. */
function count(value: number, what = "size"): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw damaged(`the ${what} of an entry is impossible`);
}

export function damaged(why: string): EngineError {
  return new EngineError("invalid_argument", `the archive is damaged: ${why}`);
}
