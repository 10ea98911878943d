/**
 * A program of nothing but system calls, written as machine code: it makes them in order, writes what
 * each returned (8 bytes, little endian) to its stdout, and ends. For x86-64.
 */
export interface Call {
  number: number;
  args?: (number | bigint)[];
  /** Of a 32-bit program, by `int 0x80`. */
  i386?: boolean;
}

/** Bit of the numbers of x32. */
export const x32 = 0x4000_0000;

const base = 0x40_0000;
const headerSize = 64 + 56;

/** An executable file of the format ELF. */
export function buildCalls(calls: Call[]): Uint8Array {
  const results = base + 0x10_0000;
  const code = [
    ...calls.flatMap((call, at) => [...encode(call), ...storeResult(results + 8 * at)]),
    ...encode({ number: 1, args: [1, results, 8 * calls.length] }),
    ...encode({ number: 231, args: [0] }),
  ];
  const file = new Uint8Array(headerSize + code.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  // ELF header: executable, x86-64, where it begins, one program header of 56 bytes.
  for (const [at, value] of [
    [16, 2],
    [18, 62],
    [52, 64],
    [54, 56],
    [56, 1],
  ] as const)
    view.setUint16(at, value, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(base + headerSize), true);
  view.setBigUint64(32, 64n, true);
  // Program header: the whole file at `base`, readable, writable, executable, with room for the results.
  view.setUint32(64, 1, true);
  view.setUint32(68, 7, true);
  for (const [at, value] of [
    [80, base],
    [88, base],
    [96, file.length],
    [104, 0x20_0000],
    [112, 0x1000],
  ] as const)
    view.setBigUint64(at, BigInt(value), true);
  file.set(code, headerSize);
  return file;
}

/** What the calls returned: negative for an errno. */
export function readResults(output: Uint8Array): number[] {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const count = Math.floor(output.byteLength / 8);
  return Array.from({ length: count }, (_, at) => Number(view.getBigInt64(8 * at, true)));
}

/** REX prefix and register: rdi rsi rdx r10 r8 r9; ebx ecx edx esi edi ebp. */
const native = [
  [0x48, 0xbf],
  [0x48, 0xbe],
  [0x48, 0xba],
  [0x49, 0xba],
  [0x49, 0xb8],
  [0x49, 0xb9],
];
const old = [0xbb, 0xb9, 0xba, 0xbe, 0xbf, 0xbd];

function encode({ number, args = [], i386 = false }: Call): number[] {
  const given = args.flatMap((value, at) =>
    i386 ? [old[at] ?? 0, ...bytes(value, 4)] : [...(native[at] ?? []), ...bytes(value, 8)],
  );
  // mov eax, number; then `int 0x80` and sign-extend eax, or `syscall`.
  const enter = i386 ? [0xcd, 0x80, 0x48, 0x98] : [0x0f, 0x05];
  return [...given, 0xb8, ...bytes(number, 4), ...enter];
}

/** mov [address], rax */
function storeResult(address: number): number[] {
  return [0x48, 0xa3, ...bytes(address, 8)];
}

function bytes(value: number | bigint, size: number): number[] {
  const wide = BigInt.asUintN(64, BigInt(value));
  return Array.from({ length: size }, (_, at) => Number((wide >> BigInt(8 * at)) & 0xffn));
}
