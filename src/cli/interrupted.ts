/** The user has pressed Ctrl-C; the message says what becomes of the work. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Runs work that Ctrl-C stops, with this message; a second one ends the process at once. */
export async function untilInterrupted<T>(
  message: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort(new Interrupted(message));
  process.once("SIGINT", onInterrupt);
  try {
    return await work(stop.signal);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
