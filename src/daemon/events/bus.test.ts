import { describe, expect, test } from "bun:test";
import type { EventMessage } from "../../api/types.ts";
import { openDatabase } from "../store/database.ts";
import { EventStore } from "../store/event-store.ts";
import { EventBus } from "./bus.ts";
import { matchesEvent } from "./filter.ts";

function fail(error: unknown): never {
  throw error;
}

describe("EventBus", () => {
  test("listeners hear events in order until they leave", () => {
    const bus = new EventBus(new EventStore(openDatabase(":memory:")), fail);
    const heard: (string | undefined)[] = [];
    const leave = bus.subscribe((event) => heard.push(event.Action));
    bus.publish("container", "create", "a", {});
    bus.publish("container", "start", "a", {});
    leave();
    bus.publish("container", "die", "a", {});
    expect(heard).toEqual(["create", "start"]);
  });

  test("past events outlive the bus, each later than the one before, whatever the clock says", () => {
    const database = openDatabase(":memory:");
    const future = (Date.now() + 3_600_000) * 1000;
    new EventStore(database).append(future, { Action: "before", timeNano: future * 1000 });
    const bus = new EventBus(new EventStore(database), fail);
    for (let index = 0; index < 1200; index++) bus.publish("image", "pull", String(index), {});
    const past = [...bus.past(0)];
    expect(past.map(({ Actor }) => Actor?.ID).slice(0, 3)).toEqual([undefined, "0", "1"]);
    expect(past).toHaveLength(1201);
    const times = past.map(({ timeNano = 0 }) => timeNano);
    expect(times.every((time, at) => at === 0 || time > (times[at - 1] ?? 0))).toBe(true);
    expect([...bus.past(future + 1)]).toHaveLength(1200);
  });

  test("the newest ten thousand are kept", () => {
    const bus = new EventBus(new EventStore(openDatabase(":memory:")), fail);
    for (let index = 0; index < 12_500; index++) bus.publish("image", "pull", String(index), {});
    const past = [...bus.past(0)];
    expect(past.length).toBeGreaterThanOrEqual(10_000);
    expect(past.length).toBeLessThan(11_000);
    expect(past.at(-1)?.Actor?.ID).toBe("12499");
  });

  test("an event that cannot be kept is published all the same", () => {
    const database = openDatabase(":memory:");
    const failures: unknown[] = [];
    const bus = new EventBus(new EventStore(database), (error) => failures.push(error));
    database.run("DROP TABLE events");
    const heard: unknown[] = [];
    bus.subscribe((event) => heard.push(event));
    bus.publish("container", "die", "a", {});
    expect([heard.length, failures.length]).toEqual([1, 1]);
  });
});

describe("matchesEvent", () => {
  const event: EventMessage = {
    Type: "container",
    Action: "die",
    Actor: { ID: "abcdef", Attributes: { name: "web", image: "app:1", team: "blue" } },
    scope: "local",
  };

  test("filters are joined by and, their values by or", () => {
    expect(
      matchesEvent(
        event,
        new Map([
          ["event", ["start", "die"]],
          ["type", ["container"]],
        ]),
      ),
    ).toBe(true);
    expect(
      matchesEvent(
        event,
        new Map([
          ["event", ["die"]],
          ["type", ["image"]],
        ]),
      ),
    ).toBe(false);
  });

  test("a label is matched by key or by key and value", () => {
    expect(matchesEvent(event, new Map([["label", ["team"]]]))).toBe(true);
    expect(matchesEvent(event, new Map([["label", ["team=blue"]]]))).toBe(true);
    expect(matchesEvent(event, new Map([["label", ["team=red"]]]))).toBe(false);
    expect(matchesEvent(event, new Map([["label", ["team", "other"]]]))).toBe(false);
  });

  test("a container is matched by name or by the start of its id, an image with or without its tag", () => {
    expect(matchesEvent(event, new Map([["container", ["web"]]]))).toBe(true);
    expect(matchesEvent(event, new Map([["container", ["abc"]]]))).toBe(true);
    expect(matchesEvent(event, new Map([["image", ["app"]]]))).toBe(true);
    expect(matchesEvent(event, new Map([["container", ["other"]]]))).toBe(false);
  });
});
