import { expect, test } from "bun:test";
import { connect } from "node:net";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

/** A client that leaves the keys to the engine: bare HTTP on a socket. */
function hijack(target: string, body = "") {
  const seen = { text: "", ended: false };
  const socket = connect({ path: stage().daemon.socket });
  socket.on("data", (chunk) => {
    seen.text += chunk.toString();
  });
  socket.on("close", () => {
    seen.ended = true;
  });
  const json = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  const upgrade = "Host: rt\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";
  socket.write(`POST ${target} HTTP/1.1\r\n${upgrade}${body === "" ? "" : json}\r\n${body}`);
  return { socket, seen };
}

/** Waits until the event has been told: the client may be let go before the daemon knows. */
async function isTold(action: string, since: number): Promise<void> {
  const { daemon } = stage();
  await until(
    `the event ${action}`,
    async () => (await daemon.past(since, { event: [action] })).length > 0,
  );
}

test("the engine itself finds the detach keys of an attached terminal", async () => {
  const { world } = stage();
  const since = Math.floor(Date.now() / 1000);
  await world.rtOutput(["run", "-dit", "--name", "typed", "busybox", "cat"]);
  const { socket, seen } = hijack(
    "/containers/typed/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-x,y",
  );
  await until("the upgrade", () => seen.text.includes("\r\n\r\n"));
  socket.write("\x18a\n");
  await until("its echo", () => seen.text.includes("^Xa"));
  socket.write("before\x18");
  await until("what came before the keys", () => seen.text.includes("before"));
  socket.write("y");
  await until("the end of the connection", () => seen.ended);
  const running = await world.rtOutput(["inspect", "-f", "{{.State.Running}}", "typed"]);
  expect(running).toBe("true");
  await isTold("detach", since);
});

test("and those of an exec, by default ctrl-p, ctrl-q", async () => {
  const { world, daemon } = stage();
  const since = Math.floor(Date.now() / 1000);
  await world.rtOutput(["run", "-d", "--name", "box", "busybox", "sleep", "1000"]);
  const asked = { Cmd: ["cat"], Tty: true, AttachStdin: true, AttachStdout: true };
  const reply = await daemon.post("/containers/box/exec", asked);
  const { Id } = (await reply.json()) as { Id: string };
  const { socket, seen } = hijack(`/exec/${Id}/start`, JSON.stringify({ Tty: true }));
  await until("the upgrade", () => seen.text.includes("\r\n\r\n"));
  socket.write("word\x10\x11");
  await until("the end of the connection", () => seen.ended);
  expect(await daemon.json<object>(`/exec/${Id}/json`)).toMatchObject({ Running: true });
  await isTold("exec_detach", since);
});
