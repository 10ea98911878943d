import { expect } from "bun:test";
import { testIf } from "../support/needs.ts";
import { output } from "../support/process.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const test = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");

async function docker(...args: string[]): Promise<string> {
  const ran = await stage().world.docker(args);
  if (ran.code !== 0)
    throw new Error(`docker ${args.join(" ")} exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

test("`docker run --rm hello-world` pulls the image and shows the container's words", async () => {
  const words = await output([`${import.meta.dir}/../../dist/native/hello`]);
  const first = await stage().world.docker(["run", "--rm", "hello-world"]);
  expect(first.stdout).toBe(words);
  expect(first.code).toBe(0);
  expect(first.stderr).toStartWith(
    "Unable to find image 'hello-world:latest' locally\nlatest: Pulling from library/hello-world\n",
  );
  expect(first.stderr).toContain("Status: Downloaded newer image for hello-world:latest\n");
  const second = await stage().world.docker(["run", "--rm", "hello-world"]);
  expect(second).toEqual({ code: 0, stdout: words, stderr: "" });
});

test("docker run gives the program's exit code, and 125, 126, 127 for what is not its own", async () => {
  const { world } = stage();
  const codes: number[] = [];
  for (const args of [
    ["busybox", "sh", "-c", "exit 42"],
    ["--name", "a b", "busybox"],
    ["busybox", "/etc/passwd"],
    ["busybox", "no-such-program"],
  ]) {
    codes.push((await world.docker(["run", "--rm", ...args])).code);
  }
  expect(codes).toEqual([42, 125, 126, 127]);
});

test("docker create records no limit where none was asked for", async () => {
  const limits = "{{.HostConfig.PidsLimit}} {{.HostConfig.MemorySwappiness}}";
  for (const [name, ...flags] of [["plain"], ["unlimited", "--pids-limit", "-1"]]) {
    await docker("create", "--name", name ?? "", ...flags, "busybox");
    expect(await docker("inspect", "-f", limits, name ?? "")).toBe("<nil> <nil>");
  }
  await docker("rm", "plain", "unlimited");
});

test("docker run -i carries stdin to the program and its end", async () => {
  const ran = await stage().world.docker(["run", "--rm", "-i", "busybox", "cat"], {
    stdin: "a\nb\n",
  });
  expect(ran).toEqual({ code: 0, stdout: "a\nb\n", stderr: "" });
});

test("docker run -it has a terminal", async () => {
  const shell = stage().world.spawn(
    [
      "docker",
      "-H",
      `unix://${stage().world.socket}`,
      "run",
      "--rm",
      "-it",
      "busybox",
      "sh",
      "-c",
      "tty; exit 4",
    ],
    { terminal: { cols: 80, rows: 24 }, env: { TERM: "xterm" } },
  );
  await shell.prints("/dev/pts/0");
  expect((await shell.finished()).code).toBe(4);
});

test("docker ps, logs, inspect, wait, kill, stop and rm see what rt has started", async () => {
  const { world } = stage();
  const script = "echo out; echo err >&2; exec sleep 1000";
  const id = await world.rtOutput(["run", "-d", "--name", "shared", "busybox", "sh", "-c", script]);
  expect(await docker("ps", "--format", "{{.ID}} {{.Image}} {{.Names}} {{.State}}")).toBe(
    `${id.slice(0, 12)} busybox shared running`,
  );
  const logs = await world.docker(["logs", "shared"]);
  expect(logs).toEqual({ code: 0, stdout: "out\n", stderr: "err\n" });
  expect(
    await docker("inspect", "-f", "{{.State.Status}} {{.HostConfig.NetworkMode}}", "shared"),
  ).toBe("running bridge");
  expect(await docker("kill", "shared")).toBe("shared");
  expect(await docker("wait", "shared")).toBe("137");
  expect(await docker("stop", "shared")).toBe("shared");
  expect(await docker("rm", "shared")).toBe("shared");
  expect(await docker("ps", "-aq")).toBe("");
});

test("docker run -d and docker start give what rt shows", async () => {
  const { world } = stage();
  const id = await docker("run", "-d", "--label", "by=docker", "busybox", "sleep", "1000");
  expect(await world.rtOutput(["ps", "-q", "--no-trunc", "--filter", "label=by=docker"])).toBe(id);
  expect(await docker("rm", "-f", id)).toBe(id);
});

test("docker images, inspect and rmi handle images", async () => {
  await docker("pull", "-q", "hello-world");
  expect(
    (await docker("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n").sort(),
  ).toEqual(["busybox:latest", "hello-world:latest"]);
  expect(
    await docker("image", "inspect", "-f", "{{.Os}} {{json .Config.Cmd}}", "hello-world"),
  ).toBe('linux ["/hello"]');
  expect(await docker("rmi", "hello-world")).toMatch(
    /Untagged: hello-world:latest\n[\s\S]*Deleted: sha256:/,
  );
});

test("docker version and info name the engine", async () => {
  expect(await docker("version", "--format", "{{.Server.APIVersion}} {{.Server.Os}}")).toBe(
    "1.56 linux",
  );
  expect(await docker("info", "--format", "{{.OSType}} {{.ServerVersion}}")).toMatch(/^linux \d/);
  const plain = await stage().world.docker(["info"]);
  expect(plain.code).toBe(0);
  expect(plain.stderr).not.toContain("ERROR");
});

test("docker events tells the life of a container", async () => {
  const { world } = stage();
  const events = world.spawn([
    ...["docker", "-H", `unix://${world.socket}`, "events", "--filter", "container=told"],
    ...["--format", "{{.Action}}"],
  ]);
  // The CLI connects when it pleases, so it is given something to see until it sees.
  while (!events.stdout.includes("destroy\n")) {
    await docker("run", "--rm", "--name", "told", "busybox", "true");
  }
  process.kill(await world.innerPid(events), "SIGINT");
  expect((await events.finished()).stdout).toContain("start\n");
});

test("docker ends with the daemon's own sentence when something is not there", async () => {
  const ran = await stage().world.docker(["start", "not-there"]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain("Error response from daemon: No such container: not-there");
});
