import { expect, test } from "bun:test";
import { formatImageName, parseImageName, registryOf } from "./name.ts";

test("parseImageName shortens names of Docker Hub and adds the tag", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  for (const [text, wanted] of [
    ["hello-world", "hello-world:latest"],
    ["docker.io/library/hello-world:1", "hello-world:1"],
    ["index.docker.io/a/b", "a/b:latest"],
    ["docker.io/library/a/b", "library/a/b:latest"],
    ["localhost:5000/a", "localhost:5000/a:latest"],
    ["localhost:5000/a:b", "localhost:5000/a:b"],
    [`quay.io/a:b@${digest}`, `quay.io/a@${digest}`],
  ] as const) {
    expect(formatImageName(parseImageName(text))).toBe(wanted);
  }
});

test("registryOf tells a registry from the first part of a name", () => {
  expect(["a", "a/b", "a.io/b", "localhost/b", "a:1/b"].map(registryOf)).toEqual([
    "docker.io",
    "docker.io",
    "a.io",
    "localhost",
    "a:1",
  ]);
});
