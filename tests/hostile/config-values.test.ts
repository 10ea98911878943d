/** Image configs whose values are huge, malformed or made to steer a terminal. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Image } from "../../scripts/image.ts";
import { Canary } from "../support/canary.ts";
import type { Daemon } from "../support/daemon.ts";
import { buildBusybox, stackOn } from "../support/images.ts";
import type { Finished } from "../support/process.ts";
import type { Registry } from "../support/registry.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(120_000);

let world: World;
let daemon: Daemon;
let registry: Registry;
let canary: Canary;
let base: Image;

beforeAll(async () => {
  world = await World.create();
  canary = await Canary.create(world);
  registry = await world.registry();
  base = await buildBusybox();
  await registry.push("library/odd:base", base);
  daemon = await world.daemon({ mirrors: [registry.url] });
});

afterAll(async () => {
  await daemon.removeContainers();
  await daemon.stop();
  await canary.remove();
  await world.end();
});

const huge = "A".repeat(2 ** 20);
/** Clears the screen, sets the title, asks for a report; by C0, C1 and in the other direction. */
const escapes = "\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\r\b";
const odd = [huge, escapes, "\n\n", "🐳\ud83d", "", " ", "%s%n{{.}}", "../../../../etc/shadow"];

const users = [
  "-1",
  "4294967296",
  "0x0",
  "1e3",
  ":",
  "::",
  "0:",
  ":0",
  "a:b:c",
  "root\nroot",
  " root",
];
const places =
  "/proc/self/fd/7 /proc/self/cwd /proc/1/root ../../.. relative / // /dev/null /proc /sys".split(
    " ",
  );
const variables = [
  ...[
    "",
    "=",
    "=x",
    "NAME",
    "LD_PRELOAD=/x.so",
    "LD_LIBRARY_PATH=/",
    "GCONV_PATH=/",
    "BUN_OPTIONS=--x",
  ],
  ...[
    "PATH=",
    "PATH=/proc/self/fd",
    "HOME=/proc/self/root",
    "RT_HOST=x",
    "NODE_OPTIONS=--require=/x",
  ],
];
const commands = [
  ["/proc/self/exe"],
  ["/proc/self/fd/3"],
  ["/proc/1/exe", "x"],
  [""],
  ["/"],
  ["/etc/passwd"],
];

/** Every config of the test, by a name for the tag; every other one unless RT_FULL=1. */
function configs(): [string, Record<string, unknown>][] {
  const all: [string, Record<string, unknown>][] = [];
  const add = (key: string, values: readonly unknown[]) => {
    for (const [at, value] of values.entries())
      all.push([`${key.toLowerCase()}-${at}`, { [key]: value }]);
  };
  add("User", [...odd, ...users]);
  add("WorkingDir", [...odd, ...places]);
  const named = odd.map((each, at) => `X${at}=${each}`);
  add("Env", [...[...odd, ...variables].map((each) => [each]), named, many("A=B")]);
  add("Entrypoint", [...odd.map((each) => [each]), ...commands, many("x"), [], "no list"]);
  add("Cmd", [...odd.map((each) => ["true", each]), many("x"), [[]]]);
  add(
    "Volumes",
    [...odd, ...places].map((each) => ({ [each]: {} })),
  );
  add("StopTimeout", [-1, 1e15, 2 ** 53, "1"]);
  add("Healthcheck", [
    { Test: ["X"] },
    { Test: ["NONE", "x"] },
    { Interval: -1, Test: ["CMD", "x"] },
  ]);
  const signals = ["99", "-1", "KILL\n", "SIGRTMAX+1", ...odd];
  const ports = ["0/tcp", "99999/tcp", "80/x", "1-65535/tcp", ...odd];
  for (const [at, each] of ["x", "", "y", "z", ...odd].entries()) {
    const Healthcheck = { Test: ["CMD-SHELL", each], Interval: 1_000_000_000 };
    const texts = { Labels: { plain: each }, Shell: [each], StopSignal: signals[at], Healthcheck };
    all.push([`rest-${at}`, { ...texts, ExposedPorts: { [`${ports[at]}`]: {} } }]);
  }
  return all.filter((_, at) => process.env.RT_FULL === "1" || at % 2 === 0);
}

function many(text: string): string[] {
  return Array.from({ length: 50_000 }, () => text);
}

/** What a user may be shown: nothing that steers a terminal, and no wall of text. */
function complaints(ran: Finished): string[] {
  const found: string[] = [];
  const text = ran.stderr;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(text))
    found.push("control bytes");
  if (text.length > 2400) found.push(`${text.length} characters`);
  if (/\n\s+at |undefined|\[object|panicked|internal error/.test(text)) found.push("a trace");
  if (ran.stdout.includes(canary.word) || text.includes(canary.word)) found.push("the host");
  if (found.length > 0) found.push(JSON.stringify(text.slice(0, 300)));
  return found;
}

test("an odd value of an image's config is refused in a sentence or means nothing to the host", async () => {
  const before = await canary.state();
  const wrong: unknown[] = [];
  const work = configs();
  const worker = async () => {
    for (let next = work.shift(); next; next = work.shift()) {
      const [name, config] = next;
      await registry.push(`library/odd:${name}`, stackOn(base, [], { Cmd: ["true"], ...config }));
      const ran = await world.rt(["run", "--rm", "-q", `odd:${name}`], { timeoutMs: 20_000 });
      const found = complaints(ran);
      if (ran.code !== 0 && ran.stderr === "" && !/exe|^entrypoint-(8|10)$/.test(name))
        found.push("silence");
      if (found.length > 0) wrong.push([name, ran.code, ...found]);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  expect(wrong).toEqual([]);
  expect(await canary.state()).toBe(before);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  expect(await daemon.log()).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
});

test("what an image says of itself never steers the terminal of who lists it", async () => {
  const config = {
    Labels: { plain: escapes, [`k${escapes}`]: "x" },
    Env: [`X=${escapes}`],
    Cmd: ["sh", "-c", `touch "/$X"; sleep 1000; : "${escapes}"`],
  };
  await registry.push("library/odd:steers", stackOn(base, [], config));
  const id = await world.rtOutput(["run", "-d", "odd:steers"]);
  const show = async (...args: string[]) => {
    const ran = await world.rt(args, { terminal: { cols: 200, rows: 50 } });
    return ran.stdout;
  };
  const shown = [
    await show("ps", "-a", "--no-trunc"),
    await show("ps", "--format", "{{.Labels}}|{{.Command}}"),
    await show("ps", "--format", "{{json .}}"),
    await show("inspect", id),
    await show("inspect", "--format", '{{index .Config.Labels "plain"}}{{.Config.Env}}', id),
    await show("image", "inspect", "--format", "{{json .Config}}", "odd:steers"),
    await show("top", id),
    await show("diff", id),
    await show("events", "--since", "1", "--until", `${Math.floor(Date.now() / 1000) + 1}`),
    await show("exec", id, escapes),
    await show("run", "--rm", "-u", escapes, "odd:steers"),
    await show("inspect", escapes),
  ];
  for (const text of shown) {
    expect(text).toContain("owned");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(text.replaceAll(/\r+\n/g, "\n")).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
  }
  await world.rtOutput(["rm", "-f", id]);
});

test("whoever reads a list by a program gets it as it is", async () => {
  const image = stackOn(base, [], { Labels: { plain: escapes } });
  await registry.push("library/odd:label", image);
  await world.rtOutput(["pull", "-q", "odd:label"]);
  const format = '{{index .Config.Labels "plain"}}';
  expect(await world.rtOutput(["inspect", "--format", format, "odd:label"])).toBe(escapes);
});
