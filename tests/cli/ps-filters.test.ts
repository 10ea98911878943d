import { expect, test } from "bun:test";
import { messageOf } from "../support/json.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

async function names(...filters: string[]): Promise<string[]> {
  const flags = filters.flatMap((filter) => ["--filter", filter]);
  const list = await stage().world.rtOutput(["ps", "-a", "--format", "{{.Names}}", ...flags]);
  return list.split("\n").filter(Boolean).sort();
}

test("every filter of ps chooses what Docker's would", async () => {
  const { world } = stage();
  const create = async (name: string, ...args: string[]) =>
    await world.rtOutput(["create", "--name", name, ...args]);
  const first = await create("web-1", "--label", "tier=front", "--expose", "8080", "busybox");
  await create(
    "web-2",
    "--label",
    "tier=back",
    "-v",
    "named:/data",
    "--network",
    "none",
    "busybox",
  );
  await world.rtOutput(["run", "-d", "--name", "db", "busybox", "sleep", "1000"]);
  await world.rt(["run", "--name", "failed", "busybox", "sh", "-c", "exit 3"]);
  expect(await names("name=web")).toEqual(["web-1", "web-2"]);
  expect(await names("name=^/?db$")).toEqual(["db"]);
  expect(await names("name=^(web-2|failed)$")).toEqual(["failed", "web-2"]);
  expect(await names(`id=${first.slice(0, 20)}`)).toEqual(["web-1"]);
  expect(await names("label=tier")).toEqual(["web-1", "web-2"]);
  expect(await names("label=tier", "label=tier=back")).toEqual(["web-2"]);
  expect(await names("status=running")).toEqual(["db"]);
  expect(await names("status=running", "status=exited")).toEqual(["db", "failed"]);
  expect(await names("exited=3")).toEqual(["failed"]);
  expect(await names("before=web-2")).toEqual(["web-1"]);
  expect(await names("since=db")).toEqual(["failed"]);
  expect(await names("ancestor=busybox", "network=none")).toEqual(["web-2"]);
  expect(await names("volume=named")).toEqual(["web-2"]);
  expect(await names("volume=/data")).toEqual(["web-2"]);
  expect(await names("expose=8000-9000/tcp")).toEqual(["web-1"]);
  expect(await names("expose=8080/udp")).toEqual([]);
  expect(await names("publish=80")).toEqual([]);
  expect(await names("health=none", "name=db")).toEqual(["db"]);
  expect(await names("health=healthy")).toEqual([]);
  expect(await names("is-task=true")).toEqual([]);
  expect((await names("is-task=false")).length).toBe(4);
  expect((await names("isolation=default")).length).toBe(4);
  for (const wrong of [
    "status=up",
    "exited=x",
    "health=fine",
    "publish=x",
    "is-task=maybe",
    "no=1",
  ])
    expect([wrong, (await world.rt(["ps", "--filter", wrong])).stderr]).toEqual([
      wrong,
      expect.stringContaining("invalid filter"),
    ]);
  expect(
    (await world.docker(["ps", "-aq", "--filter", "name=web"])).stdout.split("\n").length,
  ).toBe(3);
});

test("a pattern made to take for ever is answered at once, and one that is none is refused", async () => {
  const { world, daemon } = stage();
  await world.rtOutput(["create", "--name", "a".repeat(60), "busybox"]);
  const from = performance.now();
  expect(await names("name=^(a+)+$|^(a|a)*b$|^(.*)*x$")).toEqual(["a".repeat(60)]);
  expect(performance.now() - from).toBeLessThan(2000);
  const filters = encodeURIComponent(JSON.stringify({ name: ["("] }));
  const reply = await daemon.request(`/containers/json?filters=${filters}`);
  expect(reply.status).toBe(400);
  expect(await messageOf(reply)).toContain("error parsing regexp");
});

test("-s tells what a container has written, and inspect has what scripts read unasked", async () => {
  const { world, daemon } = stage();
  const write = ["sh", "-c", "head -c 200000 /dev/zero >/file"];
  const id = await world.rtOutput(["run", "-d", "busybox", ...write]);
  await world.rtOutput(["wait", id]);
  interface Sized {
    SizeRw?: number;
    SizeRootFs?: number;
    HostConfig: Record<string, unknown>;
    Config: Record<string, unknown>;
  }
  const plain = await daemon.json<Sized>(`/containers/${id}/json`);
  expect([plain.SizeRw, plain.SizeRootFs]).toEqual([undefined, undefined]);
  expect(plain.HostConfig).toMatchObject({ Memory: 0, Privileged: false, Dns: [], CapAdd: null });
  expect(plain.Config).toMatchObject({ Volumes: null, Entrypoint: null, Labels: {} });
  const sized = await daemon.json<Sized>(`/containers/${id}/json?size=1`);
  expect(sized.SizeRw).toBe(200_000);
  expect(sized.SizeRootFs).toBeGreaterThan(300_000);
  const row = await world.rtOutput(["ps", "-a", "-s", "-l", "--format", "{{.Size}}"]);
  expect(row).toStartWith("200kB (virtual ");
  const docker = await world.docker([
    "inspect",
    "-s",
    "-f",
    "{{.SizeRw}} {{.HostConfig.Memory}}",
    id,
  ]);
  expect(docker.stdout).toBe("200000 0\n");
});
