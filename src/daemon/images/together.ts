/** Works on all at once; the first failure stops the others and is the one that is told. */
export async function allOrNone<T>(
  signal: AbortSignal,
  items: readonly T[],
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let first: { error: unknown } | undefined;
  const settle = async (item: T): Promise<void> => {
    try {
      either.throwIfAborted();
      await work(item, either);
    } catch (error) {
      first ??= { error };
      stop.abort();
    }
  };
  await Promise.all(items.map(settle));
  signal.throwIfAborted();
  if (first !== undefined) throw first.error;
}
