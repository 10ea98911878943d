import { expect, test } from "bun:test";
import { type Share, SharedTasks } from "./shared-task.ts";

function shareOf(options: Partial<Share<string>> = {}): Share<string> & { seen: string[] } {
  const seen: string[] = [];
  return {
    asker: "a",
    watch: (text) => seen.push(text),
    signal: new AbortController().signal,
    ...options,
    seen,
  };
}

/** A task that ends when the test says so, or fails when it is stopped. */
function slow() {
  const end = Promise.withResolvers<string>();
  let starts = 0;
  let stopped = false;
  return {
    end,
    starts: () => starts,
    stopped: () => stopped,
    task: async (report: (text: string) => void, signal: AbortSignal) => {
      starts += 1;
      report("begun");
      signal.addEventListener("abort", () => {
        stopped = true;
        end.reject(signal.reason);
      });
      return await end.promise;
    },
  };
}

const tick = () => Bun.sleep(0);

test("ten that want the same get one task, and each is told what happens, late ones the last of it", async () => {
  const tasks = new SharedTasks<string, string>();
  const { task, end, starts } = slow();
  const shares = Array.from({ length: 10 }, () => shareOf());
  const results = shares.slice(0, 9).map((share) => tasks.run("x", share, task));
  await tick();
  results.push(...shares.slice(9).map((share) => tasks.run("x", share, task)));
  end.resolve("done");
  const all = await Promise.all(results);
  expect(starts()).toBe(1);
  expect(all.map(({ result }) => result)).toEqual(Array(10).fill("done"));
  expect(all.filter(({ started }) => started)).toHaveLength(1);
  expect(shares.map(({ seen }) => seen)).toEqual(Array(10).fill(["begun"]));
});

test("one that goes ends only its own waiting; with the last one the task is stopped", async () => {
  const tasks = new SharedTasks<string, string>();
  const { task, stopped } = slow();
  const [first, second] = [new AbortController(), new AbortController()];
  const one = tasks.run("x", shareOf({ signal: first.signal }), task);
  const two = tasks.run("x", shareOf({ signal: second.signal }), task);
  await tick();
  first.abort(new Error("first gone"));
  await expect(one).rejects.toThrow("first gone");
  expect(stopped()).toBe(false);
  second.abort(new Error("second gone"));
  await expect(two).rejects.toThrow("second gone");
  expect(stopped()).toBe(true);
});

test("whoever comes while a task is being stopped gets a new one", async () => {
  const tasks = new SharedTasks<string, string>();
  const hold = Promise.withResolvers<void>();
  const gone = new AbortController();
  const one = tasks.run("x", shareOf({ signal: gone.signal }), async (_, signal) => {
    await hold.promise;
    signal.throwIfAborted();
    return "old";
  });
  await tick();
  gone.abort(new Error("gone"));
  await tick();
  const two = tasks.run("x", shareOf(), async () => "new");
  hold.resolve();
  await expect(one).rejects.toThrow("gone");
  expect(await two).toEqual({ result: "new", started: true });
});

test("a failure is shared by those who asked in the same words, and tried again by others", async () => {
  const tasks = new SharedTasks<string, string>();
  let starts = 0;
  const fail = async () => {
    starts += 1;
    await tick();
    throw new Error("no");
  };
  const same = [1, 2, 3].map(() => tasks.run("x", shareOf(), fail));
  const other = tasks.run("x", shareOf({ asker: "b" }), async () => "yes");
  for (const { status } of await Promise.allSettled(same)) expect(status).toBe("rejected");
  expect(starts).toBe(1);
  expect((await other).result).toBe("yes");
});
