import { expect, test } from "bun:test";
import { type ContainerState, initialState } from "./container.ts";
import { Restarter, type RestarterParts } from "./restarter.ts";
import type { Entry } from "./table.ts";
import { Waiters } from "./waiters.ts";

function entryOf(policy: object, state: Partial<ContainerState>): Entry {
  return {
    container: { id: "c", name: "c", hostConfig: { RestartPolicy: policy } },
    state: { ...initialState(), ...state },
    exited: Promise.withResolvers(),
    nextExit: new Waiters(),
    busy: Promise.resolve(),
    isRemoving: false,
  } as unknown as Entry;
}

function restarterOf(entry: Entry): { restarter: Restarter; started: Entry[] } {
  const started: Entry[] = [];
  const save = (of: Entry, state: ContainerState): void => {
    of.state = state;
  };
  const restarter = new Restarter({
    table: { all: () => [entry], saveAnyway: save } as unknown as RestarterParts["table"],
    log: { warn: () => {} } as unknown as RestarterParts["log"],
    relaunch: async (each) => {
      started.push(each);
    },
  });
  return { restarter, started };
}

const last = { status: "restarting", exitCode: 1, restartCount: 2 } as const;
const policy = { Name: "on-failure", MaximumRetryCount: 2 };

test("the last start that the count allows is made though the daemon died before it", async () => {
  const entry = entryOf(policy, last);
  const { restarter, started } = restarterOf(entry);
  restarter.boot();
  await Bun.sleep(10);
  expect(started).toEqual([entry]);
  expect(entry.state.restartCount).toBe(2);
});

test("a changed policy gives up a start that is due only if it does not want it", () => {
  const entry = entryOf(policy, last);
  const { restarter } = restarterOf(entry);
  restarter.reconsider(entry);
  expect(entry.state.status).toBe("restarting");
  entry.container.hostConfig.RestartPolicy = { Name: "no" };
  restarter.reconsider(entry);
  expect(entry.state.status).toBe("exited");
});

test("no start happens before the daemon has found everything, nor one that was cancelled", async () => {
  const entry = entryOf({ Name: "unless-stopped" }, last);
  const { restarter, started } = restarterOf(entry);
  restarter.schedule(entry, 0);
  await Bun.sleep(150);
  expect(started).toEqual([]);
  entry.state = { ...entry.state, hasBeenManuallyStopped: true };
  restarter.cancel(entry);
  restarter.boot();
  await Bun.sleep(10);
  expect(started).toEqual([]);
});
