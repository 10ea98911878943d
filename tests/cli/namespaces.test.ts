import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";

const stage = useStage();

const link = (kind: string): string => `readlink /proc/self/ns/${kind}`;

async function donor(name: string, ...flags: string[]): Promise<string> {
  const { world } = stage();
  const command = ["run", "-d", "--name", name, ...flags, "busybox", "sleep", "1000"];
  return await world.rtOutput(command);
}

async function end(...names: string[]): Promise<void> {
  await stage().world.rtOutput(["rm", "-f", ...names]);
}

async function insideOf(name: string, kind: string): Promise<string> {
  const { world } = stage();
  const pid = await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", name]);
  return (await world.run(["readlink", `/proc/${pid}/ns/${kind}`])).stdout;
}

test("each namespace is the container's own, or the host's when asked", async () => {
  const { world } = stage();
  for (const [kind, flag] of [
    ["pid", "--pid=host"],
    ["ipc", "--ipc=host"],
    ["uts", "--uts=host"],
    ["cgroup", "--cgroupns=host"],
    ["net", "--network=host"],
  ] as const) {
    const host = (await world.run(["readlink", `/proc/self/ns/${kind}`])).stdout;
    expect((await stage().sh(link(kind))).stdout).not.toBe(host);
    expect((await stage().sh(link(kind), [flag])).stdout).toBe(host);
  }
  expect((await stage().sh("true", ["--userns=host"])).code).toBe(0);
});

test("--network container: shares interfaces, names and files, and has no place of its own", async () => {
  const { world } = stage();
  const id = await donor("net-a", "--hostname", "shared", "--add-host", "other:10.9.8.7");
  const script = `${link("net")}; hostname; grep other /etc/hosts; ip -4 -o addr show eth0 | wc -l`;
  const ran = await stage().sh(script, ["--network", "container:net-a"]);
  const [namespace, name, hosts, addresses] = ran.stdout.split("\n");
  expect(`${namespace}\n`).toBe(await insideOf("net-a", "net"));
  expect([name, hosts, addresses?.trim()]).toEqual(["shared", "10.9.8.7\tother", "1"]);
  await donor("net-b", "--network", "container:net-a");
  const format = "{{.HostConfig.NetworkMode}} {{json .NetworkSettings.Networks}}";
  expect(await world.rtOutput(["inspect", "-f", format, "net-b"])).toBe(`container:${id} {}`);
  const chained = await stage().sh(`${link("net")}; hostname`, ["--network", "container:net-b"]);
  expect(chained.stdout).toBe(`${await insideOf("net-a", "net")}shared\n`);
  await end("net-b", "net-a");
});

test("--pid container: sees the donor's processes and ends without them", async () => {
  await donor("pid-a");
  const ran = await stage().sh("ps -o args | grep -c '^sleep 1000'; kill -0 1 && echo alive", [
    "--pid",
    "container:pid-a",
  ]);
  expect(ran.stdout).toBe("1\nalive\n");
  const format = "{{.State.Running}}";
  expect(await stage().world.rtOutput(["inspect", "-f", format, "pid-a"])).toBe("true");
  await end("pid-a");
});

test("the end of a pid donor is the end of those who share it; children of a sharer end with it", async () => {
  const { world } = stage();
  await donor("pid-c");
  await donor("pid-d", "--pid", "container:pid-c");
  await stage().sh("sleep 1234 & sleep 0.2", ["--pid", "container:pid-c"]);
  const left = await stage().sh("ps -o args | grep -c '^sleep 1234'; true", [
    "--pid",
    "container:pid-c",
  ]);
  expect(left.stdout).toBe("0\n");
  await end("pid-c");
  expect(await world.rtOutput(["wait", "pid-d"])).toBe("137");
  await end("pid-d");
});

test("the hostname that is shown is the one that the container has", async () => {
  const { world } = stage();
  const shown = async (name: string): Promise<string> =>
    await world.rtOutput(["inspect", "-f", "{{.Config.Hostname}}", name]);
  await donor("named", "--hostname", "box");
  await donor("guest", "--network", "container:named");
  await donor("open", "--network", "host");
  expect(await shown("guest")).toBe("box");
  expect(await shown("open")).toBe(await world.rtOutput(["exec", "open", "hostname"]));
  await end("guest", "named", "open");
});

test("--ipc container: shares /dev/shm and the namespace of a donor that allows it", async () => {
  await donor("ipc-a", "--ipc", "shareable", "--shm-size", "8m");
  const flags = ["--ipc", "container:ipc-a"];
  const wrote = await stage().sh(`echo told >/dev/shm/word; ${link("ipc")}`, flags);
  expect(wrote.stdout).toBe(await insideOf("ipc-a", "ipc"));
  const read = await stage().sh("cat /dev/shm/word; df -k /dev/shm | tail -1", flags);
  expect(read.stdout).toMatch(/^told\n\S+ +8192 /);
  // The mount is the sharer's own: taking it away leaves the donor's.
  expect((await stage().sh("cat /dev/shm/word", flags)).stdout).toBe("told\n");
  await end("ipc-a");
});

test("a donor that does not run, or that does not share, is refused in Docker's words", async () => {
  const { world } = stage();
  const id = await donor("private");
  const shared = await stage().sh("true", ["--ipc", "container:private"]);
  expect(shared.code).toBe(125);
  expect(shared.stderr).toContain(
    `container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
  await world.rtOutput(["kill", "private"]);
  await world.rtOutput(["wait", "private"]);
  const network = await stage().sh("true", ["--network", "container:private"]);
  expect(network.stderr).toContain(
    "cannot join network namespace of a non running container: container private is exited",
  );
  const pid = await stage().sh("true", ["--pid", "container:private"]);
  expect(pid.stderr).toContain(`container ${id} is not running`);
  const absent = await stage().sh("true", ["--pid", "container:absent"]);
  expect(absent.stderr).toContain("No such container: absent");
  await end("private");
});

test("--ipc none has no shared memory", async () => {
  const ran = await stage().sh("ls /dev/shm", ["--ipc", "none"]);
  expect(ran.stderr).toContain("No such file or directory");
});

test("what a shared network has decided cannot be asked for again", async () => {
  const cases: [string[], string][] = [
    [["--hostname", "x"], "hostname and the network mode"],
    [["--dns", "1.1.1.1"], "dns and the network mode"],
    [["--add-host", "a:1.2.3.4"], "custom host-to-IP mapping and the network mode"],
    [["--mac-address", "02:00:00:00:00:01"], "mac-address and the network mode"],
    [["--expose", "80"], "port exposing and the container type network mode"],
  ];
  await donor("decided");
  for (const [flags, words] of cases) {
    const ran = await stage().world.rt([
      ...["create", "--network", "container:decided", ...flags],
      "busybox",
    ]);
    expect(ran.stderr).toContain(`conflicting options: ${words}`);
    expect(ran.code).toBe(125);
  }
  const uts = await stage().sh("true", ["--uts", "host", "--hostname", "x"]);
  expect(uts.stderr).toContain("conflicting options: hostname and the UTS mode");
  await end("decided");
});

test("modes that do not exist are refused", async () => {
  const { daemon } = stage();
  for (const [field, words] of [
    ["PidMode", "invalid PID mode: x"],
    ["IpcMode", "invalid IPC mode: x"],
    ["UTSMode", "invalid UTS mode: x"],
    ["CgroupnsMode", "invalid cgroup namespace mode: x"],
  ] as const) {
    const HostConfig = { [field]: "x" };
    const reply = await daemon.post("/containers/create", { Image: "busybox", HostConfig });
    expect(reply.status).toBe(400);
    expect(await reply.text()).toContain(words);
  }
});

test.if(Bun.which("docker") !== null)(
  "the docker CLI shares namespaces and gives devices",
  async () => {
    const { world } = stage();
    await donor("stock", "--ipc", "shareable");
    const shared = ["--network", "container:stock", "--pid", "container:stock"];
    const script = `${link("net")}; ${link("pid")}; ${link("ipc")}; ls /dev/kmsg`;
    const ran = await world.docker([
      ...["run", "--rm", ...shared, "--ipc", "container:stock", "--device", "/dev/kmsg"],
      ...["busybox", "sh", "-c", script],
    ]);
    const kinds = ["net", "pid", "ipc"];
    const theirs = await Promise.all(kinds.map((kind) => insideOf("stock", kind)));
    expect(ran).toEqual({ code: 0, stdout: `${theirs.join("")}/dev/kmsg\n`, stderr: "" });
    const gpus = await world.docker(["run", "--rm", "--gpus", "all", "busybox", "true"]);
    expect(gpus.code).toBe(125);
    expect(gpus.stderr).toContain('could not select device driver "" with capabilities: [[gpu]]');
    await end("stock");
  },
);
