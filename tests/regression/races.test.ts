import { expect, test } from "bun:test";
import type { Daemon } from "../support/daemon.ts";
import { jsonOf } from "../support/json.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

async function create(daemon: Daemon, cmd: string[], more: object = {}): Promise<string> {
  const reply = await daemon.post("/containers/create", { Image: "busybox", Cmd: cmd, ...more });
  return (await jsonOf<{ Id: string }>(reply)).Id;
}

const none = { HostConfig: { NetworkMode: "none" } };

test("a container that ends while it is removed by force is removed", async () => {
  const { daemon } = stage();
  for (let round = 0; round < 300; round += 1) {
    const id = await create(daemon, ["true"], none);
    expect((await daemon.post(`/containers/${id}/start`)).status).toBe(204);
    // Around the moment of the exit.
    await Bun.sleep((round % 10) * 0.5);
    const path = `/containers/${id}?force=1`;
    const late = AbortSignal.timeout(5000);
    expect((await daemon.request(path, { method: "DELETE", signal: late })).status).toBe(204);
  }
}, 120_000);
