import { EngineError } from "../errors.ts";

const maxLine = 16 * 1024 * 1024;

/** A body of JSON values one to a line (Docker's jsonmessage and events), as they arrive. */
export async function* readJsonStream<T>(body: {
  next(): Promise<Uint8Array | undefined>;
  cancel(): void;
}): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let pending = "";
  try {
    for (let chunk = await body.next(); chunk; chunk = await body.next()) {
      pending += decoder.decode(chunk, { stream: true });
      const lines = pending.split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") yield parseLine<T>(line);
      if (pending.length > maxLine) throw broken(undefined);
    }
    if (pending.trim() !== "") yield parseLine<T>(pending);
  } finally {
    body.cancel();
  }
}

function parseLine<T>(line: string): T {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw broken(cause);
  }
}

function broken(cause: unknown): EngineError {
  return new EngineError("internal", "cannot read the daemon's answer: not a stream of JSON", {
    cause,
  });
}
