import { isatty, WriteStream } from "node:tty";

export interface TerminalSize {
  rows: number;
  columns: number;
}

/** Size of the terminal behind `fd`; undefined when there is none. */
export function terminalSize(fd: 0 | 1 | 2): TerminalSize | undefined {
  if (!isatty(fd)) return undefined;
  const [columns, rows] = new WriteStream(fd).getWindowSize();
  return { rows: rows || 24, columns: columns || 80 };
}

/** Whether `fd` is a terminal. */
export function isTerminal(fd: 0 | 1 | 2): boolean {
  return isatty(fd);
}

/** struct termios of Linux takes 60 bytes, on every architecture and C library. */
const termiosBytes = 64;
/** TCSADRAIN of termios(3): when what was written is out. */
const afterOutput = 1;

/**
 * Hands the terminal on stdin through as it is, as cfmakeraw(3), until disposed of: no echo, no line
 * editing, no signals, and output untouched. (The runtime's own raw mode still turns "\n" into
 * "\r\n", which spoils the screen of a program that has its own terminal in the container.)
 */
export async function enterRawMode(): Promise<Disposable> {
  const { dlopen } = await import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", {
    tcgetattr: { args: ["i32", "ptr"], returns: "i32" },
    tcsetattr: { args: ["i32", "i32", "ptr"], returns: "i32" },
    cfmakeraw: { args: ["ptr"], returns: "void" },
  });
  const before = new Uint8Array(termiosBytes);
  symbols.tcgetattr(0, before);
  const raw = before.slice();
  symbols.cfmakeraw(raw);
  symbols.tcsetattr(0, afterOutput, raw);
  return {
    [Symbol.dispose]: () => {
      symbols.tcsetattr(0, afterOutput, before);
    },
  };
}

/** Calls `change` now and whenever the terminal behind `fd` changes its size. */
export function watchSize(change: (size: TerminalSize) => void, fd: 1 | 2 = 1): Disposable {
  const tell = () => {
    const size = terminalSize(fd);
    if (size) change(size);
  };
  process.on("SIGWINCH", tell);
  tell();
  return {
    [Symbol.dispose]: () => {
      process.off("SIGWINCH", tell);
    },
  };
}
