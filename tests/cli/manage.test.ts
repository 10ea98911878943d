import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

test("ps shows running containers, -a all, in Docker's columns", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "--name", "sleeper", "busybox", "sleep", "1000"]);
  const ended = await world.rtOutput(["run", "-d", "--name", "done", "busybox", "true"]);
  await world.rtOutput(["wait", "done"]);
  const [header = "", line = "", ...rest] = (await world.rtOutput(["ps"])).split("\n");
  expect(header).toMatch(/^CONTAINER ID {3}IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/);
  expect(line).toMatch(
    new RegExp(`^${id.slice(0, 12)} +busybox +"sleep 1000" +.*ago +Up .* +sleeper$`),
  );
  expect(rest).toEqual([]);
  expect(await world.rtOutput(["ps", "-q", "--no-trunc"])).toBe(id);
  expect(await world.rtOutput(["ps", "-aq", "--no-trunc"])).toBe(`${ended}\n${id}`);
  const json = JSON.parse(await world.rtOutput(["ps", "--format", "json"]));
  expect(json).toMatchObject({
    ID: id.slice(0, 12),
    Names: "sleeper",
    State: "running",
    Image: "busybox",
  });
  await world.rtOutput(["rm", "-f", "sleeper", "done"]);
});

test("containers are found by name, by id and by a part of it that is enough", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "--name", "found", "busybox"]);
  for (const name of ["found", id, id.slice(0, 6)]) {
    expect(await world.rtOutput(["inspect", "-f", "{{.Id}}", name])).toBe(id);
  }
  await world.rtOutput(["rm", "found"]);
});

test("a name that is taken is refused with the id of its owner", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "--name", "taken", "busybox"]);
  const ran = await world.rt(["create", "--name", "taken", "busybox"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain(
    `The container name "/taken" is already in use by container "${id}"`,
  );
  await world.rtOutput(["rm", "taken"]);
});

test("a container without a name gets one of two words", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "busybox"]);
  expect(await world.rtOutput(["inspect", "-f", "{{.Name}}", id])).toMatch(/^\/[a-z]+_[a-z]+\d?$/);
  await world.rtOutput(["rm", id]);
});

test("logs shows both streams, with times when asked, the last lines when asked", async () => {
  const { world } = stage();
  const script = "echo a; echo b >&2; echo c";
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", script]);
  await world.rtOutput(["wait", id]);
  const all = await world.rt(["logs", id]);
  expect(all).toEqual({ code: 0, stdout: "a\nc\n", stderr: "b\n" });
  await world.rtOutput(["rm", id]);
  const lines = await world.rtOutput(["run", "-d", "busybox", "seq", "3"]);
  await world.rtOutput(["wait", lines]);
  expect(await world.rtOutput(["logs", "--tail", "2", lines])).toBe("2\n3");
  expect(await world.rtOutput(["logs", "-t", "-n", "1", lines])).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z 3$/,
  );
  await world.rtOutput(["rm", lines]);
});

test("logs -f follows until the container ends", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "-i", "busybox", "cat"]);
  const follow = world.spawnRt(["logs", "-f", id]);
  const attach = world.spawnRt(["attach", id], { stdin: "open" });
  attach.write("one\n");
  await follow.prints("one\n");
  attach.write("two\n");
  await follow.prints("two\n");
  await world.rtOutput(["kill", id]);
  expect(await follow.finished()).toEqual({ code: 0, stdout: "one\ntwo\n", stderr: "" });
  await attach.finished();
  await world.rtOutput(["rm", id]);
});

test("wait gives the exit code, of one that runs and of one that has ended", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "-i", "busybox", "sh", "-c", "read x; exit 6"]);
  const wait = world.spawnRt(["wait", id]);
  const attach = world.spawnRt(["attach", id], { stdin: "go\n" });
  expect(await wait.finished()).toEqual({ code: 0, stdout: "6\n", stderr: "" });
  await attach.finished();
  expect(await world.rtOutput(["wait", id])).toBe("6");
  await world.rtOutput(["rm", id]);
});

test("kill ends a container at once with 137, or with the signal asked for", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  expect(await world.rtOutput(["kill", id])).toBe(id);
  expect(await world.rtOutput(["wait", id])).toBe("137");
  const again = await world.rt(["kill", id]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("is not running");
  await world.rtOutput(["rm", id]);
});

test("stop kills after its time what does not listen", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const from = performance.now();
  await world.rtOutput(["stop", "-t", "1", id]);
  expect(performance.now() - from).toBeGreaterThan(900);
  expect(await world.rtOutput(["inspect", "-f", "{{.State.ExitCode}}", id])).toBe("137");
  await world.rtOutput(["rm", id]);
});

test("rm refuses what runs, unless forced", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const refused = await world.rt(["rm", id]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("container is running");
  expect(await world.rtOutput(["rm", "-f", id])).toBe(id);
  const gone = await world.rt(["inspect", id]);
  expect(gone.code).toBe(1);
  expect(gone.stdout).toBe("[]\n");
  expect(gone.stderr.toLowerCase()).toContain(`no such object: ${id}`);
});

test("a command over several containers does what it can and then exits 1", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "busybox"]);
  const ran = await world.rt(["rm", "not-there", id]);
  expect(ran.code).toBe(1);
  expect(ran.stdout).toBe(`${id}\n`);
  expect(ran.stderr).toContain("No such container: not-there");
});

test("images lists what is there, rmi removes it by name", async () => {
  const { world } = stage();
  await world.rtOutput(["pull", "-q", "hello-world"]);
  const lines = await world.rtOutput(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
  expect(lines.split("\n").sort()).toEqual(["busybox:latest", "hello-world:latest"]);
  const [header = ""] = (await world.rtOutput(["images"])).split("\n");
  expect(header).toMatch(/^(REPOSITORY +TAG +IMAGE ID +CREATED +SIZE|IMAGE +ID .*)$/);
  const removed = await world.rtOutput(["rmi", "hello-world"]);
  expect(removed).toMatch(
    /^Untagged: hello-world:latest\n(Untagged: .*\n)?Deleted: sha256:[0-9a-f]{64}/,
  );
  expect(await world.rtOutput(["images", "-q", "hello-world"])).toBe("");
});

test("an image that a container uses is not removed", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const ran = await world.rt(["rmi", "busybox"]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain(id.slice(0, 12));
  await world.rtOutput(["rm", "-f", id]);
});

test("inspect gives Docker's fields of a container and of an image", async () => {
  const { world } = stage();
  const id = await world.rtOutput([
    "create",
    "--name",
    "seen",
    "-e",
    "A=b",
    "busybox",
    "echo",
    "x",
  ]);
  const [container] = JSON.parse(await world.rtOutput(["inspect", "seen"]));
  expect(container).toMatchObject({
    ...{ Id: id, Name: "/seen", Path: "echo", Args: ["x"] },
    State: { Status: "created", Running: false, Pid: 0, ExitCode: 0 },
    Config: { Cmd: ["echo", "x"], Image: "busybox" },
    HostConfig: { NetworkMode: "bridge" },
  });
  expect(container.Config.Env).toContain("A=b");
  const [image] = JSON.parse(await world.rtOutput(["inspect", "busybox"]));
  expect(image).toMatchObject({
    RepoTags: ["busybox:latest"],
    Os: "linux",
    Config: { Cmd: ["sh"] },
  });
  expect(container.Image).toBe(image.Id);
  await world.rtOutput(["rm", "seen"]);
});

test("events tells the life of a container in order", async () => {
  const { world } = stage();
  const events = world.spawnRt([
    ...["events", "--filter", "container=lived", "--format", "{{.Type}} {{.Action}}"],
  ]);
  await until("somebody to listen", async () => (await stage().daemon.listeners()) > 0);
  await world.rtOutput(["run", "--rm", "--name", "unseen", "busybox", "true"]);
  await world.rtOutput(["run", "--rm", "--name", "lived", "busybox", "true"]);
  await events.prints("container destroy\n");
  process.kill(await world.innerPid(events), "SIGINT");
  const actions = (await events.finished()).stdout.trim().split("\n");
  expect(actions.filter((each) => /create|start|die|destroy/.test(each))).toEqual([
    ...["container create", "container start", "container die", "container destroy"],
  ]);
});

test("version and info name both halves and the host", async () => {
  const { world } = stage();
  const version = JSON.parse(await world.rtOutput(["version", "--format", "json"]));
  expect(version.Client.Version).toBe(version.Server.Version);
  expect(version.Server).toMatchObject({ ApiVersion: "1.56", MinAPIVersion: "1.24", Os: "linux" });
  expect(await world.rtOutput(["info", "--format", "{{.Driver}} {{.OSType}}"])).toMatch(
    /^overlay\w* linux$/,
  );
});

test("the container and image groups are the same commands", async () => {
  const { world } = stage();
  expect(await world.rtOutput(["container", "ls", "-aq"])).toBe(
    await world.rtOutput(["ps", "-aq"]),
  );
  expect(await world.rtOutput(["image", "ls", "-q"])).toBe(await world.rtOutput(["images", "-q"]));
  expect((await world.rt(["container", "run", "--rm", "busybox", "echo", "x"])).stdout).toBe("x\n");
});

test("--pull decides whether the registry is asked", async () => {
  const { world } = stage();
  await world.rt(["rmi", "hello-world"]);
  const never = await world.rt(["run", "--rm", "--pull", "never", "hello-world"]);
  expect(never.code).toBe(125);
  expect(never.stderr).toContain("No such image: hello-world:latest");
  expect((await world.rt(["run", "--rm", "--pull", "missing", "-q", "hello-world"])).code).toBe(0);
  const always = await world.rt(["run", "--rm", "--pull", "always", "hello-world"]);
  expect(always.code).toBe(0);
  expect(always.stderr).toContain("Status: Image is up to date for hello-world:latest");
});

test("--rm leaves nothing, and a second life of the name is possible at once", async () => {
  const { world } = stage();
  for (const word of ["one", "two"]) {
    const ran = await world.rt(["run", "--rm", "--name", "short", "busybox", "echo", word]);
    expect(ran).toEqual({ code: 0, stdout: `${word}\n`, stderr: "" });
  }
  expect(await world.rtOutput(["ps", "-aq", "--filter", "name=short"])).toBe("");
});
