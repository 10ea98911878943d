import { DetachScanner, parseDetachKeys } from "../../api/detach-keys.ts";
import { isTerminal, watchSize } from "../../cli/terminal.ts";
import type { Connection } from "../../client/connection.ts";
import type { HijackedStream } from "../../client/transport.ts";
import type { AttachedOptions } from "./attached.ts";

interface Ends {
  exit: Promise<unknown>;
  output: Promise<unknown>;
}

/** Relays stdin and the terminal's size while the container runs. True when the user detached. */
export async function followInteractive(
  resize: (rows: number, columns: number) => Promise<void>,
  stream: HijackedStream,
  ends: Ends,
  options: Pick<AttachedOptions, "stdin" | "stdout" | "stderr" | "tty" | "detachKeys">,
): Promise<boolean> {
  using cleanup = new DisposableStack();
  if (options.tty && isTerminal(1)) {
    cleanup.use(
      watchSize(({ rows, columns }) => {
        resize(rows, columns).catch(() => {});
      }),
    );
  }
  if (!options.stdin) return false;
  const keys =
    options.tty && isTerminal(0)
      ? new DetachScanner(parseDetachKeys(options.detachKeys))
      : undefined;
  const detached = copyInput(stream.connection, keys);
  const hasOutput = options.stdout || options.stderr;
  const end = () => "ended" as const;
  const ended = Promise.all(hasOutput ? [ends.exit, ends.output] : [ends.exit]).then(end, end);
  const first = await Promise.race([detached.catch(() => "ended" as const), ended]);
  if (first === "detached") return true;
  await ended;
  return false;
}

/** Sends stdin on until its end, which closes our half of the stream. */
async function copyInput(
  connection: Connection,
  keys: DetachScanner | undefined,
): Promise<"detached" | "ended"> {
  const reader = Bun.stdin.stream().getReader();
  while (true) {
    const { value, done } = await reader.read();
    if (done) break;
    const scanned = keys ? keys.push(value) : { send: value, detached: false };
    if (scanned.send.length > 0) await connection.write(scanned.send);
    if (scanned.detached) {
      connection.close();
      return "detached";
    }
  }
  connection.closeWrite();
  // The container decides when it is over.
  return await new Promise(() => {});
}
