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

/** Turns off echo, line editing and signals of the terminal on stdin until disposed of. */
export function enterRawMode(): Disposable {
  const { stdin } = process;
  stdin.setRawMode(true);
  return {
    [Symbol.dispose]: () => {
      stdin.setRawMode(false);
    },
  };
}

/** Calls `change` now and whenever the terminal behind stdout changes its size. */
export function watchSize(change: (size: TerminalSize) => void): Disposable {
  const tell = () => {
    const size = terminalSize(1);
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
