/** docker-compose, which knows an engine by its socket alone: one project, as people write them. */
import { afterEach, beforeEach, expect, setDefaultTimeout } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const test = testIf(Bun.which("docker-compose") !== null, "docker-compose is not on PATH");
// Each start of docker-compose takes seconds on a busy machine, and a test has ten.
setDefaultTimeout(180_000);

const project = `
version: "2.4"
services:
  db:
    image: busybox
    command: sh -c "echo db is up; touch /tmp/ready; exec nc -ll -p 5432 -e cat"
    healthcheck: { test: ["CMD", "test", "-f", "/tmp/ready"], interval: 1s, retries: 30 }
    networks: { back: { aliases: [sql], ipv4_address: 172.30.5.10 } }
    volumes: ["data:/data", "/scratch"]
  web:
    image: busybox
    command: httpd -f -p 80 -h /srv
    depends_on: { db: { condition: service_healthy } }
    networks: [back, front]
    ports: ["8080:80"]
    environment: { STAGE: "\${STAGE}" }
    volumes: ["./srv:/srv:ro"]
  hidden: { image: busybox, command: sleep 1000, networks: [inner] }
networks:
  back: { ipam: { config: [{ subnet: 172.30.5.0/24 }] } }
  front: { enable_ipv6: true, ipam: { config: [{ subnet: 172.30.6.0/24 }, { subnet: "fd00:77::/64" }] } }
  inner: { internal: true }
volumes: { data: {} }
`;

/** Runs docker-compose in the project; its output, without the last newline. */
async function compose(command: string, env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(command, env);
  if (code !== 0) throw new Error(`docker-compose ${command} exited with ${code}: ${stderr}`);
  return stdout.trimEnd();
}

async function attempt(command: string, env: Record<string, string> = {}) {
  const { world } = stage();
  const file = world.path("shop", "docker-compose.yml");
  return await world.run(["docker-compose", "-p", "shop", "-f", file, ...command.split(" ")], {
    timeoutMs: 120_000,
    // Its version 1 makes no container again by a newer API, of whichever engine.
    env: {
      DOCKER_HOST: `unix://${world.socket}`,
      COMPOSE_API_VERSION: "1.44",
      STAGE: "one",
      ...env,
    },
  });
}

/** The containers of a service; docker-compose tells them too, but each of its starts takes a second. */
async function idsOf(service: string): Promise<string[]> {
  const filters = { label: [`com.docker.compose.service=${service}`] };
  const path = `/containers/json?filters=${encodeURIComponent(JSON.stringify(filters))}`;
  return (await stage().daemon.json<{ Id: string }[]>(path)).map(({ Id }) => Id);
}

/** What a command says in a service's only container. */
async function inside(service: string, ...command: string[]): Promise<string> {
  const [id = ""] = await idsOf(service);
  return await stage().world.rtOutput(["exec", id, ...command]);
}

beforeEach(async () => {
  const { world } = stage();
  await mkdir(world.path("shop", "srv"), { recursive: true });
  await writeFile(world.path("shop", "docker-compose.yml"), project);
  await writeFile(world.path("shop", "srv", "page"), "hello\n");
  await compose("up -d");
});

afterEach(async () => {
  await compose("down -v -t 0 --remove-orphans");
  const { daemon } = stage();
  expect(await daemon.json("/containers/json?all=1")).toEqual([]);
  expect(await daemon.json<unknown[]>("/networks")).toHaveLength(3);
  const own = encodeURIComponent('{"label":["com.docker.compose.project=shop"]}');
  expect(await daemon.json(`/volumes?filters=${own}`)).toMatchObject({ Volumes: [] });
});

test("a project comes up in order, and its services find each other on their networks", async () => {
  const { world } = stage();
  expect(await compose("port web 80")).toBe("0.0.0.0:8080");
  expect((await world.run(["busybox", "wget", "-qO-", "127.0.0.1:8080/page"])).stdout).toBe(
    "hello\n",
  );
  for (const name of ["db", "sql"])
    expect(await inside("web", "ping", "-c1", name)).toContain(`${name} (172.30.5.10)`);
  expect(await inside("web", "ip", "-6", "addr", "show", "scope", "global")).toContain("fd00:77::");
  expect(await inside("hidden", "ip", "route")).not.toContain("default");
  const missed = await attempt("exec -T web ping -c1 hidden");
  expect(missed.code).toBe(1);
  expect(missed.stdout + missed.stderr).toContain("bad address 'hidden'");
  expect(await inside("db", "sh", "-c", "echo word | nc -w 1 127.0.0.1 5432")).toBe("word");
});

test("a service that changed is made again, and keeps its volumes; others stay as they are", async () => {
  await compose("exec -T db touch /data/kept /scratch/kept");
  const [db, web, hidden] = await Promise.all(["db", "web", "hidden"].map(idsOf));
  await compose("up -d -t 0", { STAGE: "two" });
  expect([await idsOf("db"), await idsOf("hidden")]).toEqual([db ?? [], hidden ?? []]);
  expect(await idsOf("web")).not.toEqual(web ?? []);
  expect(await inside("web", "sh", "-c", "echo $STAGE")).toBe("two");
  await compose("up -d --force-recreate -t 0", { STAGE: "two" });
  expect(await idsOf("db")).not.toEqual(db ?? []);
  expect(await inside("db", "ls", "/data", "/scratch")).toBe("/data:\nkept\n\n/scratch:\nkept");
});

test("scale, run, stop and logs", async () => {
  await compose("up -d --scale hidden=3");
  expect(await idsOf("hidden")).toHaveLength(3);
  await compose("up -d --scale hidden=1 -t 0");
  expect(await idsOf("hidden")).toHaveLength(1);
  const ran = await attempt("run --rm -T --no-deps hidden sh -c echo${IFS}word;exit${IFS}7");
  expect(ran).toMatchObject({ code: 7, stdout: "word\n" });
  await compose("stop -t 0 web");
  expect(await idsOf("web")).toEqual([]);
  await compose("start web");
  await until(
    "web to answer again",
    async () =>
      (await stage().world.run(["busybox", "wget", "-qO-", "127.0.0.1:8080/page"])).code === 0,
  );
  expect(await compose("logs --no-color")).toContain("db is up");
});
