import { dlopen } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../errors.ts";

/** LOCK_EX | LOCK_NB, see flock(2). */
const exclusiveNow = 6;

/** Milliseconds. A monitor that a killed daemon was just starting holds the lock too, until it executes. */
const patience = 500;

/** Makes sure that one daemon works on a data root: the kernel lets go of the lock when the process ends. */
export async function holdLock(path: string): Promise<Disposable> {
  const libc = dlopen("libc.so.6", { flock: { args: ["i32", "i32"], returns: "i32" } });
  const fd = openSync(path, "a", 0o600);
  const end = performance.now() + patience;
  while (libc.symbols.flock(fd, exclusiveNow) !== 0) {
    if (performance.now() < end) {
      await sleep(5);
      continue;
    }
    closeSync(fd);
    throw new EngineError(
      "conflict",
      `another daemon already works on this data root: ${path} is locked`,
      {
        hint: "stop it, or choose another --data-root and --run-root",
      },
    );
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}
