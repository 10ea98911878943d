import { expect, test } from "bun:test";
import { absenceOf } from "./absent.ts";

const answer = (method: string, path: string): (string | undefined)[] => {
  const error = absenceOf(method, path);
  return [error?.code, error?.message];
};

test("swarms: the answers of a node that is in none", () => {
  expect(answer("POST", "/swarm/leave")).toEqual([
    "unavailable",
    "This node is not part of a swarm",
  ]);
  for (const [method, path] of [
    ["GET", "/swarm"],
    ["POST", "/swarm/update"],
    ["GET", "/services"],
    ["POST", "/services/create"],
    ["DELETE", "/secrets/one"],
    ["GET", "/nodes/one"],
  ] as const) {
    const [code, message] = answer(method, path);
    expect([path, code]).toEqual([path, "unavailable"]);
    expect(message).toStartWith("This node is not a swarm manager. ");
  }
});

test("what is not built says so, and what does not exist is not found", () => {
  expect(answer("POST", "/swarm/init")[0]).toBe("not_implemented");
  expect(answer("POST", "/build")).toEqual([
    "not_implemented",
    "building images is not supported by this engine",
  ]);
  expect(answer("GET", "/plugins/one/json")[0]).toBe("not_implemented");
  expect(answer("GET", "/images/search")[0]).toBe("not_implemented");
  for (const path of ["/swarmy", "/containers/one/swarm", "/images/search/json"])
    expect(absenceOf("GET", path)).toBeUndefined();
});
