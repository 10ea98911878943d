import { expect, test } from "bun:test";
import { connect } from "node:net";
import { jsonOf, messageOf } from "../support/json.ts";
import { raw as rawSteps, request } from "../support/raw.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

/** Sends bytes as they are; everything that comes back until the server closes. */
async function raw(text: string): Promise<string> {
  const socket = connect(stage().daemon.socket);
  let reply = "";
  let closed = false;
  socket.on("data", (chunk) => {
    reply += chunk.toString("latin1");
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed = true;
  });
  socket.write(text);
  await until("the server to close", () => closed);
  return reply;
}

test("every reply carries the engine's headers", async () => {
  for (const path of ["/_ping", "/version", "/containers/none/json", "/no/such/path"]) {
    const { headers } = await stage().daemon.request(path);
    expect(headers.get("api-version")).toBe("1.56");
    expect(headers.get("docker-experimental")).toBe("false");
    expect(headers.get("ostype")).toBe("linux");
    expect(headers.get("server")).toStartWith("rt/");
  }
});

test("_ping answers OK to GET and nothing to HEAD", async () => {
  const { daemon } = stage();
  expect(await (await daemon.request("/_ping")).text()).toBe("OK");
  const head = await daemon.request("/_ping", { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("a version prefix is optional, from 1.24 to 1.56", async () => {
  const { daemon } = stage();
  for (const prefix of ["", "/v1.24", "/v1.41", "/v1.56"]) {
    expect((await daemon.request(`${prefix}/containers/json`)).status).toBe(200);
  }
});

test("a version outside that range is refused in Docker's words", async () => {
  const { daemon } = stage();
  const old = await daemon.request("/v1.23/containers/json");
  expect([old.status, await old.json()]).toEqual([
    400,
    {
      message:
        "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
    },
  ]);
  const young = await daemon.request("/v1.57/containers/json");
  expect([young.status, await young.json()]).toEqual([
    400,
    { message: "client version 1.57 is too new. Maximum supported API version is 1.56" },
  ]);
});

test("who asks by a version that knows of it is told of the firewall", async () => {
  const ask = async (path: string) =>
    (await stage().daemon.json<{ FirewallBackend?: object }>(path)).FirewallBackend;
  expect(await ask("/info")).toEqual({ Driver: "nftables" });
  expect(await ask("/v1.48/info")).toBeUndefined();
});

test("info has what this host can limit, as a creation that asks for it is told", async () => {
  const { daemon } = stage();
  const { OomKillDisable, CPUSet } = await daemon.json<Record<string, boolean>>("/info");
  const HostConfig = { Memory: 1 << 26, OomKillDisable: true, CpusetCpus: "0" };
  const reply = await daemon.post("/containers/create", { Image: "busybox", HostConfig });
  const { Warnings } = (await reply.json()) as { Warnings: string[] };
  const discarded = (what: string) => Warnings.some((each) => each.includes(`${what} discarded.`));
  expect([OomKillDisable, CPUSet]).toEqual([!discarded("OomKillDisable"), !discarded("Cpuset")]);
  await daemon.removeContainers();
});

test("a ping is not to be kept", async () => {
  for (const method of ["GET", "HEAD"]) {
    const { headers } = await stage().daemon.request("/_ping", { method });
    expect(headers.get("cache-control")).toBe("no-cache, no-store, must-revalidate");
    expect(headers.get("pragma")).toBe("no-cache");
  }
});

test("a request that says nothing of a container is told so", async () => {
  const ask = async (body: object) => {
    const reply = await stage().daemon.post("/containers/create", body);
    return [reply.status, await messageOf(reply)];
  };
  const empty = "config cannot be empty in order to create a container";
  expect(await ask({ HostConfig: {} })).toEqual([400, empty]);
  expect(await ask({ Cmd: ["x"] })).toEqual([400, 'invalid request body: field "Image" is empty']);
});

test("a container is listed with its annotations, and attached to without asking for anything", async () => {
  const { daemon } = stage();
  const Annotations = { "org.example.a": "b" };
  const body = { Image: "busybox", Cmd: ["true"], HostConfig: { Annotations } };
  const { Id } = (await (await daemon.post("/containers/create", body)).json()) as { Id: string };
  const filters = encodeURIComponent(JSON.stringify({ id: [Id] }));
  const [shown] = await daemon.json<object[]>(`/containers/json?all=1&filters=${filters}`);
  expect(shown).toMatchObject({ HostConfig: { NetworkMode: "bridge", Annotations } });
  const attached = await daemon.post(`/containers/${Id}/attach?stdout=1`);
  expect([attached.status, await attached.text()]).toEqual([200, ""]);
  await daemon.request(`/containers/${Id}`, { method: "DELETE" });
});

test("what is not there is a 404 with a message", async () => {
  const { daemon } = stage();
  const page = await daemon.request("/no/such/path");
  expect([page.status, await page.json()]).toEqual([404, { message: "page not found" }]);
  const container = await daemon.request("/containers/none/json");
  expect([container.status, await container.json()]).toEqual([
    404,
    { message: "No such container: none" },
  ]);
  const image = await daemon.request("/images/none/json");
  expect(image.status).toBe(404);
  expect(await messageOf(image)).toContain("No such image: none");
});

test("a body that is no JSON, or no object, is a 400 with a message", async () => {
  const { daemon } = stage();
  const headers = { "content-type": "application/json" };
  for (const body of [
    "{",
    "[]",
    '"text"',
    "null",
    "{}",
    '{"Image": 7}',
    '{"Image":"busybox","Cmd":{}}',
  ]) {
    const reply = await daemon.request("/containers/create", { method: "POST", headers, body });
    expect([body, reply.status]).toEqual([body, 400]);
    expect(await messageOf(reply)).toBeString();
  }
});

test("a body of another type than JSON is refused", async () => {
  const reply = await stage().daemon.request("/containers/create", {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: '{"Image":"busybox"}',
  });
  expect(reply.status).toBe(400);
  expect(await messageOf(reply)).toContain("Content-Type");
});

test("create, start, wait, logs and remove go by id, with Docker's statuses", async () => {
  const { daemon } = stage();
  const created = await daemon.post("/containers/create?name=walk", {
    Image: "busybox",
    Cmd: ["sh", "-c", "echo out; echo err >&2; exit 3"],
  });
  expect(created.status).toBe(201);
  const { Id, Warnings } = await jsonOf<{ Id: string; Warnings: string[] }>(created);
  expect(Warnings).toEqual([]);
  // The head of the answer says that the wait has been heard.
  const wait = await daemon.post(`/containers/${Id}/wait?condition=next-exit`);
  expect((await daemon.post(`/containers/${Id}/start`)).status).toBe(204);
  expect(await wait.json()).toMatchObject({ StatusCode: 3 });
  expect((await daemon.post(`/containers/walk/wait`)).status).toBe(200);
  const logs = await daemon.request(`/containers/${Id}/logs?stdout=1&stderr=1`);
  expect(logs.headers.get("content-type")).toBe("application/vnd.docker.multiplexed-stream");
  const bytes = Buffer.from(await logs.arrayBuffer()).toString("latin1");
  expect(bytes).toContain("\x01\x00\x00\x00\x00\x00\x00\x04out\n");
  expect(bytes).toContain("\x02\x00\x00\x00\x00\x00\x00\x04err\n");
  expect((await daemon.post("/containers/create?name=walk", { Image: "busybox" })).status).toBe(
    409,
  );
  expect((await daemon.request(`/containers/${Id}`, { method: "DELETE" })).status).toBe(204);
  expect((await daemon.request(`/containers/${Id}`, { method: "DELETE" })).status).toBe(404);
});

test("start of what runs and stop of what does not are a 304", async () => {
  const { daemon } = stage();
  const { Id } = await jsonOf<{ Id: string }>(
    await daemon.post("/containers/create", { Image: "busybox", Cmd: ["sleep", "1000"] }),
  );
  expect((await daemon.post(`/containers/${Id}/start`)).status).toBe(204);
  expect((await daemon.post(`/containers/${Id}/start`)).status).toBe(304);
  expect((await daemon.request(`/containers/${Id}`, { method: "DELETE" })).status).toBe(409);
  expect((await daemon.post(`/containers/${Id}/kill?signal=NOPE`)).status).toBe(400);
  expect((await daemon.post(`/containers/${Id}/kill`)).status).toBe(204);
  // The body, since the headers come when the wait is registered.
  await (await daemon.post(`/containers/${Id}/wait`)).text();
  expect((await daemon.post(`/containers/${Id}/stop`)).status).toBe(304);
  expect((await daemon.post(`/containers/${Id}/kill`)).status).toBe(409);
  await daemon.request(`/containers/${Id}`, { method: "DELETE" });
});

test("an attached connection is upgraded, half-closes, and gives frames", async () => {
  const { daemon } = stage();
  const config = {
    Image: "busybox",
    Cmd: ["cat"],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
  };
  const { Id } = await jsonOf<{ Id: string }>(await daemon.post("/containers/create", config));
  const socket = connect({ path: daemon.socket, allowHalfOpen: true });
  let reply = "";
  let ended = false;
  socket.on("data", (chunk) => {
    reply += chunk.toString("latin1");
  });
  socket.on("end", () => {
    ended = true;
    socket.end();
  });
  socket.write(
    `POST /v1.41/containers/${Id}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n` +
      "Host: rt\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
  );
  await until("the upgrade", () => reply.includes("\r\n\r\n"));
  expect(reply).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
  expect((await daemon.post(`/containers/${Id}/start`)).status).toBe(204);
  socket.write("hello\n");
  await until("the echo", () => reply.includes("hello\n"));
  expect(reply).toEndWith("\x01\x00\x00\x00\x00\x00\x00\x06hello\n");
  socket.end();
  await until("the end of the stream", () => ended);
  expect(await (await daemon.post(`/containers/${Id}/wait`)).json()).toMatchObject({
    StatusCode: 0,
  });
  await daemon.request(`/containers/${Id}`, { method: "DELETE" });
});

test("bytes that are no HTTP end the connection and nothing else", async () => {
  const { daemon } = stage();
  expect(await raw("SSH-2.0-OpenSSH\r\n\r\n")).toMatch(/^(HTTP\/1\.1 400|$)/);
  expect(await raw(`GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: rt\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 4\d\d/,
  );
  expect((await daemon.request("/_ping")).status).toBe(200);
});

test("an image name in a path may be encoded, deep and hostile", async () => {
  const { daemon } = stage();
  expect((await daemon.request("/images/docker.io%2Flibrary%2Fbusybox/json")).status).toBe(200);
  expect((await daemon.request("/images/docker.io/library/busybox:latest/json")).status).toBe(200);
  for (const name of ["..%2f..%2fetc%2fpasswd", "%00", "UPPER", "a%0ab"]) {
    const reply = await daemon.request(`/images/${name}/json`);
    expect([name, reply.status >= 400 && reply.status < 500]).toEqual([name, true]);
    expect(await messageOf(reply)).toBeString();
  }
});

test("what is not built says so instead of pretending, and swarms are not entered", async () => {
  const { daemon } = stage();
  const init = await daemon.post("/swarm/init", {});
  expect([init.status, await messageOf(init)]).toEqual([
    501,
    "swarms are not supported by this engine",
  ]);
  const left = await daemon.post("/swarm/leave?force=true");
  expect([left.status, await messageOf(left)]).toEqual([503, "This node is not part of a swarm"]);
  expect((await daemon.request("/services")).status).toBe(503);
  expect(await daemon.json<unknown[]>("/plugins")).toEqual([]);
});

test("names in a body count whatever the size of their letters", async () => {
  const { daemon } = stage();
  const asked = { image: "busybox", cmd: "true", hostConfig: { memory: 2 ** 23 } };
  const made = await daemon.post("/containers/create", asked);
  const { Id } = await jsonOf<{ Id: string }>(made);
  expect(await daemon.json<object>(`/containers/${Id}/json`)).toMatchObject({
    Config: { Cmd: ["true"], Image: "busybox" },
    HostConfig: { Memory: 2 ** 23 },
  });
  const volume = await jsonOf<object>(await daemon.post("/volumes/create", { name: "small" }));
  expect(volume).toMatchObject({ Name: "small" });
});

test("an older client gets the connection without asking for an upgrade, and input goes both ways", async () => {
  const { world, daemon } = stage();
  const script = "read a; echo $a; read b; echo $b";
  const id = await world.rtOutput(["create", "-i", "busybox", "sh", "-c", script]);
  await world.rtOutput(["start", id]);
  const attach = request(`POST /containers/${id}/attach?stream=1&stdin=1&stdout=1`);
  const reply = await rawSteps(daemon.socket, [`${attach}one\n`, 200, "two\n"]);
  expect(reply.text).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(reply.headers["content-type"]).toBe("application/vnd.docker.multiplexed-stream");
  expect(reply.body).toBe("\x01\0\0\0\0\0\0\x04one\n\x01\0\0\0\0\0\0\x04two\n");
});

test("what an attach says in a body is no input", async () => {
  const { world, daemon } = stage();
  const upgrade = ["Connection: Upgrade", "Upgrade: tcp", "Content-Type: application/json"];
  const body = '{"stream":true,"stdin":true}';
  for (const more of [upgrade, []]) {
    const id = await world.rtOutput(["create", "-i", "busybox", "head", "-n", "1"]);
    await world.rtOutput(["start", id]);
    const head = request(
      `POST /v1.41/containers/${id}/attach?stream=1&stdin=1&stdout=1`,
      [...more, `Content-Length: ${body.length}`],
      body.slice(0, 9),
    );
    const reply = await rawSteps(daemon.socket, [head, 50, `${body.slice(9)}one`, 200, "two\n"]);
    expect(reply.body).toBe("\x01\0\0\0\0\0\0\x07onetwo\n");
  }
});

test("the start of an exec says how its output is framed, not its terminal", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const output = async (exec: object, start: object): Promise<string> => {
    const settings = { AttachStdout: true, AttachStderr: true, ...exec };
    const { Id } = await jsonOf<{ Id: string }>(
      await daemon.post(`/containers/${id}/exec`, settings),
    );
    return await (await daemon.post(`/exec/${Id}/start`, start)).text();
  };
  const cmd = ["sh", "-c", "echo out; echo err >&2"];
  const typed = { Cmd: ["echo", "out"], Tty: true };
  expect(await output(typed, { Detach: false })).toBe("\x01\0\0\0\0\0\0\x05out\r\n");
  expect(await output(typed, { Tty: true })).toBe("out\r\n");
  // What has no headers cannot say which stream it is of: Docker sends one.
  expect(await output({ Cmd: cmd }, { Tty: true })).toBe("out\n");
  const lost = { Cmd: ["no-such-program"] };
  expect((await output({ ...lost, Tty: true }, {})).slice(0, 4)).toBe("\x01\0\0\0");
  expect(await output(lost, { Tty: true })).toStartWith("OCI runtime exec failed: ");
});

test("an exec that is started with an upgrade has read its body first", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const settings = {
    AttachStdout: true,
    AttachStdin: true,
    Tty: true,
    Cmd: ["sh", "-c", "read x; stty size"],
  };
  const { Id } = await jsonOf<{ Id: string }>(
    await daemon.post(`/containers/${id}/exec`, settings),
  );
  const body = JSON.stringify({ Tty: true, ConsoleSize: [33, 77] });
  const head = ["Content-Type: application/json", `Content-Length: ${body.length}`];
  const upgrade = ["Connection: Upgrade", "Upgrade: tcp"];
  const start = request(`POST /exec/${Id}/start`, [...head, ...upgrade]);
  const reply = await rawSteps(daemon.socket, [start, 50, body, 200, "go\n"]);
  expect(reply.status).toBe(101);
  expect(reply.body).toContain("33 77");
});
