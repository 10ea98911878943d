import { describe, expect, test } from "bun:test";
import type { EventMessage } from "../../api/types.ts";
import { EventBus } from "./bus.ts";
import { matchesEvent } from "./filter.ts";

describe("EventBus", () => {
  test("listeners hear events in order until they leave", () => {
    const bus = new EventBus();
    const heard: (string | undefined)[] = [];
    const leave = bus.subscribe((event) => heard.push(event.Action));
    bus.publish("container", "create", "a", {});
    bus.publish("container", "start", "a", {});
    leave();
    bus.publish("container", "die", "a", {});
    expect(heard).toEqual(["create", "start"]);
  });

  test("only the last 256 events are kept", () => {
    const bus = new EventBus();
    for (let index = 0; index < 300; index++) bus.publish("image", "pull", String(index), {});
    expect(bus.past()).toHaveLength(256);
    expect(bus.past()[0]?.Actor?.ID).toBe("44");
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
  });

  test("a container is matched by name or by the start of its id, an image with or without its tag", () => {
    expect(matchesEvent(event, new Map([["container", ["web"]]]))).toBe(true);
    expect(matchesEvent(event, new Map([["container", ["abc"]]]))).toBe(true);
    expect(matchesEvent(event, new Map([["image", ["app"]]]))).toBe(true);
    expect(matchesEvent(event, new Map([["container", ["other"]]]))).toBe(false);
  });
});
