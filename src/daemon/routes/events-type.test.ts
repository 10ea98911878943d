import { expect, test } from "bun:test";
import { eventsType, toRecord } from "./events-type.ts";

test("events were JSON until 1.52, and are lines of it since", () => {
  expect(eventsType("", "1.51")).toBe("application/json");
  expect(eventsType("", "1.52")).toBe("application/jsonl");
  expect(eventsType("*/*, application/*", "1.52")).toBe("application/jsonl");
});

test("who names a form of events gets it", () => {
  expect(eventsType("application/x-ndjson;q=0.5", "1.56")).toBe("application/x-ndjson");
  expect(eventsType("text/html, Application/JSON-seq", "1.44")).toBe("application/json-seq");
  expect(toRecord({ a: 1 }, "application/json-seq")).toBe('\x1e{"a":1}\n');
  expect(toRecord({ a: 1 }, "application/jsonl")).toBe('{"a":1}\n');
});

test("the weight decides between forms, then our order; none is a refusal", () => {
  const of = (accept: string) => eventsType(accept, "1.56");
  expect(of("application/jsonl;q=0.2, application/json-seq; q=0.9")).toBe("application/json-seq");
  expect(of("application/json-seq, application/x-ndjson")).toBe("application/x-ndjson");
  expect(of("application/x-ndjson;q=0")).toBe("application/jsonl");
  expect(of("application/json-seq;q=0, application/x-ndjson;q=0.1")).toBe("application/x-ndjson");
});
