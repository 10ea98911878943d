/** One who wants what a task brings. */
export interface Share<Message> {
  /** Whoever asks with the same words would be told the same failure. */
  asker: string;
  watch: (message: Message) => void;
  signal: AbortSignal;
}

export type Task<Message, Result> = (
  report: (message: Message) => void,
  signal: AbortSignal,
) => Promise<Result>;

interface Running<Message, Result> {
  asker: string;
  watchers: Set<(message: Message) => void>;
  last: Message | undefined;
  stop: AbortController;
  done: Promise<Result>;
}

/**
 * Work that several want at once and that is done once: it belongs to all of them. Whoever goes leaves it to
 * the others; when the last one goes it is stopped.
 */
export class SharedTasks<Message, Result> {
  readonly #running = new Map<string, Running<Message, Result>>();

  /** Shares in the task of this name, or in starting it; a failure that another asker brought on is not shared. */
  async run(
    key: string,
    share: Share<Message>,
    task: Task<Message, Result>,
  ): Promise<{ result: Result; started: boolean }> {
    for (;;) {
      share.signal.throwIfAborted();
      const found = this.#running.get(key);
      const running = found ?? this.#start(key, share.asker, task);
      if (running.stop.signal.aborted) {
        // Its last sharer has gone: when it has ended there is room for another.
        await settled(running.done);
        continue;
      }
      try {
        return { result: await follow(running, share), started: found === undefined };
      } catch (error) {
        if (share.signal.aborted || running.asker === share.asker) throw error;
      }
    }
  }

  #start(key: string, asker: string, task: Task<Message, Result>): Running<Message, Result> {
    const stop = new AbortController();
    const watchers = new Set<(message: Message) => void>();
    const running: Running<Message, Result> = {
      asker,
      watchers,
      last: undefined,
      stop,
      done: Promise.resolve().then(() =>
        task((message) => {
          running.last = message;
          for (const watch of watchers) watch(message);
        }, stop.signal),
      ),
    };
    this.#running.set(key, running);
    void settled(running.done).then(() => this.#running.delete(key));
    return running;
  }
}

/** Waits for the end of a task, or for the sharer's own; the last to go waits until the task has stopped. */
async function follow<Message, Result>(
  { watchers, last, stop, done }: Running<Message, Result>,
  { watch, signal }: Share<Message>,
): Promise<Result> {
  // A function of its own: two sharers may watch in the same way.
  const own = (message: Message): void => watch(message);
  const gone = Promise.withResolvers<never>();
  const onAbort = (): void => gone.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  watchers.add(own);
  if (last !== undefined) watch(last);
  try {
    return await Promise.race([done, gone.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    watchers.delete(own);
    if (signal.aborted && watchers.size === 0) {
      stop.abort(signal.reason);
      await settled(done);
    }
  }
}

async function settled(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
