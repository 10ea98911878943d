/**
 * Images that have something else where the engine looks for a directory, a file or a user: wherever it is and
 * whatever is asked of the container, nothing of the host changes and no container sees it. RT_FULL=1 tries every
 * way of running with every image.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { buildTar, digestOf, type Entry, type Image } from "../../scripts/image.ts";
import { type Attempt, attempt, get, isSentence, post, request } from "../support/attempt.ts";
import { type Canary, look } from "../support/canary.ts";
import type { Daemon } from "../support/daemon.ts";
import { buildBusybox, stackOn } from "../support/images.ts";
import { buildMischief } from "../support/mischief.ts";
import type { Registry } from "../support/registry.ts";
import { until } from "../support/until.ts";
import { openWatched, type WatchedStage } from "../support/watched.ts";
import { rtPath, type World } from "../support/world.ts";

setDefaultTimeout(1_200_000);
const full = process.env.RT_FULL === "1";

let stage: WatchedStage | undefined;
let world: World;
let daemon: Daemon;
let registry: Registry;
let canary: Canary;
let base: Image;
let own: string[];

beforeAll(async () => {
  base = await buildBusybox();
  stage = await openWatched({ "hostile:base": base });
  ({ world, registry, daemon, canary } = stage);
  await Bun.write(world.path("plain"), "a file\n");
  own = await executables();
});

afterAll(async () => {
  await stage?.end();
});

const directories = ["/dev", "/proc", "/sys", "/etc", "/work", "/data"];
const files = "passwd group hosts resolv.conf hostname mtab"
  .split(" ")
  .map((name) => `/etc/${name}`);
const below = "null pts shm console mqueue ptmx stdout".split(" ").map((name) => `/dev/${name}`);
const places = [...directories, ...files, ...below, "/sys/fs/cgroup", "/.dockerenv"];

/** What may stand at a place, by a name. */
function kinds(place: string): Record<string, Partial<Entry>> {
  const link = (target: string): Partial<Entry> => ({ type: "symlink", target });
  const there = place.startsWith("/etc/") ? `${canary.path}${place}` : `${canary.path}/dir`;
  return {
    absolute: link(there),
    relative: link(`${"../".repeat(24)}${there.slice(1)}`),
    host: link("/srv"),
    descriptor: link("/proc/self/fd/7"),
    low: link("/proc/self/fd/3"),
    magic: link(`/proc/1/root${there}`),
    cwd: link("/proc/self/cwd"),
    root: link("/"),
    circle: link(place),
    fifo: { type: "fifo" },
    character: { type: "character", device: { major: 1, minor: 5 } },
    block: { type: "block", device: { major: 7, minor: 0 } },
    directory: { type: "directory" },
    empty: { type: "file", content: "" },
    large: { type: "sparse", hole: 2 ** 30 },
  };
}

/** The layer that puts a thing there, with the directories above it. */
function layerOf(place: string, what: Partial<Entry>): Entry[] {
  const parts = place.slice(1).split("/");
  const parents = parts
    .slice(0, -1)
    .map((_, at): Entry => ({ name: parts.slice(0, at + 1).join("/"), type: "directory" }));
  return [...parents, { name: parts.join("/"), mode: 0o644, ...what }];
}

interface Way {
  name: string;
  /** Parts of a create request. */
  config?: (place: string) => Record<string, unknown>;
  host?: (place: string) => Record<string, unknown>;
}

const ways: Way[] = [
  { name: "plain" },
  { name: "workdir", config: (place) => ({ WorkingDir: place }) },
  { name: "workdir below", config: (place) => ({ WorkingDir: `${place}/new/deep` }) },
  { name: "user", config: () => ({ User: canary.word }) },
  { name: "guest", config: () => ({ User: "guest" }) },
  { name: "group", config: () => ({ User: `1000:${canary.word}` }) },
  { name: "volume", host: (place) => ({ Binds: [`held:${place}`] }) },
  { name: "volume below", host: (place) => ({ Binds: [`held:${place}/new`] }) },
  { name: "declared", config: (place) => ({ Volumes: { [place]: {} } }) },
  { name: "bind", host: (place) => ({ Binds: [`${world.path("tmp")}:${place}:ro`] }) },
  { name: "file", host: (place) => ({ Binds: [`${world.path("plain")}:${place}`] }) },
  { name: "tmpfs", host: (place) => ({ Tmpfs: { [place]: "" } }) },
  { name: "privileged", host: () => ({ Privileged: true }) },
  { name: "terminal", config: () => ({ Tty: true }) },
  { name: "read-only", host: () => ({ ReadonlyRootfs: true }) },
  { name: "init", host: () => ({ Init: true }) },
  { name: "host's", host: () => ({ NetworkMode: "host", UTSMode: "host", CgroupnsMode: "host" }) },
  {
    name: "device",
    host: (place) => ({
      Devices: [
        { PathOnHost: "/dev/zero", PathInContainer: `${place}/zero`, CgroupPermissions: "r" },
      ],
    }),
  },
];

function bodyOf(image: string, place: string, way: Way): object {
  const command = ["sh", "-c", look, place];
  return {
    Image: image,
    Cmd: command,
    ...way.config?.(place),
    HostConfig: way.host?.(place) ?? {},
  };
}

/** What else is done to a container whose image this is, as long as it runs or has been stopped. */
async function handle(id: string, place: string): Promise<string> {
  const seen: string[] = [];
  for (const User of ["", canary.word]) {
    const exec = {
      ...{ Cmd: ["sh", "-c", look, place], WorkingDir: place, User },
      ...{ AttachStdout: true, AttachStderr: true },
    };
    const made = await post(daemon, `/containers/${id}/exec`, exec);
    if (made.status !== 201) continue;
    const { Id } = (await made.json()) as { Id: string };
    seen.push(await (await post(daemon, `/exec/${Id}/start`, { Detach: false })).text());
  }
  for (const path of [place, `${place}/`, `${place}/secret`]) {
    const at = `/containers/${id}/archive?path=${encodeURIComponent(path)}`;
    const headers = { "content-type": "application/x-tar" };
    const body = buildTar([{ name: "written", content: "by a copy" }]);
    const put = await request(daemon, at, { method: "PUT", headers, body: new Uint8Array(body) });
    seen.push(await put.text());
    // What procfs cannot read to its end breaks the stream off.
    const got = get(daemon, at).then(beginning);
    seen.push(await got.catch(String));
  }
  seen.push(await (await get(daemon, `/containers/${id}/changes`)).text());
  return seen.join("\n");
}

/** The first MiB of a body, which may be a GiB of nothing. */
async function beginning(reply: Response): Promise<string> {
  let text = "";
  if (reply.body === null) return text;
  const decoder = new TextDecoder();
  for await (const piece of reply.body) {
    text += decoder.decode(piece as Uint8Array, { stream: true });
    if (text.length > 2 ** 20) break;
  }
  return text;
}

async function pull(name: string, image: Image): Promise<void> {
  await registry.push(`library/hostile:${name}`, image);
  const pulled = await post(daemon, `/images/create?fromImage=hostile&tag=${name}`);
  expect(await pulled.text()).toContain("Downloaded newer image");
}

/** A user that only the host has is told back as it was asked for. */
function tell(text: string): string {
  return text.replaceAll(/(user|group) seen-[-0-9a-f]+/g, "$1 NAME");
}

/** In the host's network a container has a copy of the host's /etc/hosts, as with Docker. */
function withoutHosts(ran: Attempt): Attempt {
  return { ...ran, output: ran.output.replaceAll(`192.0.2.99 ${canary.word}`, "") };
}

function judge(what: string, ran: Attempt): string[] {
  const wrong: string[] = [];
  if (tell(ran.output).includes(canary.word)) wrong.push(`${what}: sees the host`);
  if (ran.outcome === "ran") return wrong;
  if (/ 5(?!00$)/.test(ran.outcome)) wrong.push(`${what}: ${ran.outcome}`);
  const message = tell(ran.message);
  if (!isSentence(message)) wrong.push(`${what}: ${JSON.stringify(message)}`);
  return wrong;
}

for (const [index, place] of places.entries()) {
  test(`an image with something else at ${place} reaches nothing of the host`, async () => {
    const before = await canary.state();
    const chosen = Object.entries(kinds(place)).filter((_, at) => full || (index + at) % 4 === 0);
    const wrong = chosen.map(async ([kind, what], at) => {
      const name = `p${index}-${kind}`;
      await pull(name, stackOn(base, layerOf(place, what)));
      const some = ways.filter((_, way) => full || way === (index * 7 + at * 5) % ways.length);
      const ran = some.map(async (way) => {
        const tried = await attempt(daemon, bodyOf(`hostile:${name}`, place, way));
        return judge(`${kind}, ${way.name}`, way.name === "host's" ? withoutHosts(tried) : tried);
      });
      const waits = { Image: `hostile:${name}`, Cmd: ["sleep", "0.1"] };
      const handled = await attempt(daemon, waits, (id) => handle(id, place));
      if (directories.includes(place)) expect([kind, handled.message]).toEqual([kind, ""]);
      return [...(await Promise.all(ran)).flat(), ...judge(`${kind}, handled`, handled)];
    });
    expect((await Promise.all(wrong)).flat()).toEqual([]);
    expect(await canary.state()).toBe(before);
    expect(daemon.alive).toBe(true);
  });
}

test("what a running container puts there is met by exec, cp, restart and commit", async () => {
  await registry.push("library/mischief:latest", await buildMischief());
  await world.rtOutput(["pull", "-q", "mischief"]);
  const before = await canary.state();
  const wrong: string[] = [];
  const made = [
    "mkfifo $p",
    "/mischief socket $p",
    "ln -s /srv $p",
    "ln -s /proc/1/root/srv $p",
    "mkdir $p",
  ];
  const targets = ["/etc/passwd", "/etc/group", "/work", "/etc"];
  const all = targets.flatMap((place) => made.map((make) => [place, make] as const));
  for (const [place, make] of all.filter((_, at) => full || at % 4 === 0)) {
    const script = `p=${place}; rm -rf $p; ${make}; touch /ready; sleep 1000`;
    const id = await world.rtOutput(["run", "-d", "-w", "/work", "mischief", "sh", "-c", script]);
    await until(
      "the change",
      async () =>
        (await world.rt(["exec", id, "ls", "/ready"])).code === 0 ||
        (await get(daemon, `/containers/${id}/archive?path=/ready`)).ok,
    );
    const seen = await handle(id, place);
    const again = await post(daemon, `/containers/${id}/restart?t=0`);
    if (again.status !== 204) {
      const { message } = (await again.json()) as { message: string };
      if (!isSentence(message)) wrong.push(`${place}, ${make}: ${message}`);
    }
    const late = await handle(id, place);
    const copied = await post(daemon, `/commit?container=${id}&repo=copied`);
    if (copied.status !== 201) wrong.push(`${place}, ${make}: commit ${await copied.text()}`);
    if (tell(seen + late).includes(canary.word)) wrong.push(`${place}, ${make}: sees the host`);
    await world.rtOutput(["rm", "-f", id]);
  }
  expect(wrong).toEqual([]);
  expect(await canary.state()).toBe(before);
  expect(daemon.alive).toBe(true);
});

test("rt and the program of its monitors are what they were", async () => {
  expect(await executables()).toEqual(own);
});

/** Digests of rt and of the program that its monitors are. */
async function executables(): Promise<string[]> {
  const id = await world.rtOutput(["run", "-d", "hostile:base", "sleep", "1000"]);
  const found = new Set<string>();
  for (const [pid, line] of await world.namespace.processes()) {
    if (line.includes("monitor")) found.add(digestOf(await Bun.file(`/proc/${pid}/exe`).bytes()));
  }
  await world.rtOutput(["rm", "-f", id]);
  return [digestOf(await Bun.file(rtPath).bytes()), ...found];
}
