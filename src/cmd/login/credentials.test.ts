import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  credentialKey,
  findAuthHeader,
  findCredentials,
  removeCredentials,
  storeCredentials,
} from "./credentials.ts";

let directory = "";
let before: string | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "rt-login-"));
  before = process.env.RT_CONFIG;
  process.env.RT_CONFIG = directory;
});

afterEach(async () => {
  if (before === undefined) delete process.env.RT_CONFIG;
  else process.env.RT_CONFIG = before;
  await rm(directory, { recursive: true });
});

const credentials = { username: "me", password: "a:b", serveraddress: "box:5000" };

test("storeCredentials keeps them for their owner alone, and all else in the file", async () => {
  await writeFile(join(directory, "config.json"), '{"other":1,"auths":{"x":{"auth":"eDp5"}}}');
  const path = await storeCredentials(credentials);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await Bun.file(path).json()).toEqual({
    other: 1,
    auths: { x: { auth: "eDp5" }, "box:5000": { auth: Buffer.from("me:a:b").toString("base64") } },
  });
  expect(await findCredentials("https://box:5000/v2/")).toEqual(credentials);
});

test("findAuthHeader is the header's base64url, and nothing for a stranger", async () => {
  await storeCredentials(credentials);
  const header = (await findAuthHeader("box:5000")) ?? "";
  expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual(credentials);
  expect(await findAuthHeader("box:5001")).toBeUndefined();
});

test("an identity token takes the password's place", async () => {
  await storeCredentials({ ...credentials, identitytoken: "t" });
  expect(await findCredentials("box:5000")).toEqual({
    ...credentials,
    password: "",
    identitytoken: "t",
  });
});

test("removeCredentials says whether there were any", async () => {
  await storeCredentials(credentials);
  expect(await removeCredentials("box:5000")).toBe(true);
  expect(await removeCredentials("box:5000")).toBe(false);
});

test("credentialKey files Docker Hub as Docker does", () => {
  expect(
    ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "quay.io"].map(credentialKey),
  ).toEqual([
    "https://index.docker.io/v1/",
    "https://index.docker.io/v1/",
    "https://index.docker.io/v1/",
    "quay.io",
  ]);
});

test("a broken file is named", async () => {
  await writeFile(join(directory, "config.json"), "{");
  await expect(findCredentials("x")).rejects.toThrow(`cannot read "${directory}/config.json"`);
});
