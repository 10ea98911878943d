import { expect, test } from "bun:test";
import { Limiter } from "./limiter.ts";

test("Limiter runs so many at once, in the order they came, and says who waits", async () => {
  const limiter = new Limiter(2);
  const said: string[] = [];
  const gates = ["a", "b", "c", "d"].map((name) => ({ name, ...Promise.withResolvers<void>() }));
  const runs = gates.map(({ name, promise }) =>
    limiter.run(
      async () => {
        said.push(`${name} runs`);
        await promise;
      },
      undefined,
      () => said.push(`${name} waits`),
    ),
  );
  await Bun.sleep(0);
  expect(new Set(said)).toEqual(new Set(["a runs", "b runs", "c waits", "d waits"]));
  gates[1]?.resolve();
  await runs[1];
  await Bun.sleep(0);
  expect(said.at(-1)).toBe("c runs");
  for (const { resolve } of gates) resolve();
  await Promise.all(runs);
  expect(said.at(-1)).toBe("d runs");
});

test("Limiter forgets a task that is aborted while it waits, and gives its slot to the next", async () => {
  const limiter = new Limiter(1);
  const first = Promise.withResolvers<void>();
  const running = limiter.run(() => first.promise);
  const stop = new AbortController();
  const gone = limiter.run(async () => "ran", stop.signal);
  const last = limiter.run(async () => "last");
  stop.abort(new Error("enough"));
  await expect(gone).rejects.toThrow("enough");
  first.resolve();
  expect(await last).toBe("last");
  await running;
  expect(await limiter.run(async () => "again")).toBe("again");
});

test("Limiter without a limit makes nobody wait", async () => {
  const limiter = new Limiter(Number.POSITIVE_INFINITY);
  const waits: number[] = [];
  const task = (n: number) =>
    limiter.run(
      async () => n,
      undefined,
      () => waits.push(n),
    );
  expect(await Promise.all([1, 2, 3, 4, 5].map(task))).toEqual([1, 2, 3, 4, 5]);
  expect(waits).toEqual([]);
});
