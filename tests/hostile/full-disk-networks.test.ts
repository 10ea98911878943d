/** Networks on a data root without a free byte, nor a page that the database has in reserve. */
import { expect, setDefaultTimeout, test } from "bun:test";
import type { Answer } from "../support/call.ts";
import { createCall } from "../support/call.ts";
import { Envoy } from "../support/envoy.ts";
import { useSmallDisk } from "../support/small-disk.ts";

setDefaultTimeout(60_000);

const disk = useSmallDisk();
const call = createCall(disk);

/** Takes every free byte of the data root, and then every page of the database. */
async function fill(): Promise<void> {
  expect(await disk().fill()).toBe(0);
  for (const size of [200_000, 100]) {
    let made: Answer;
    let number = 0;
    do {
      number += 1;
      const Labels = { big: "x".repeat(size) };
      made = await call("POST", "/volumes/create", { Name: `v-${size}-${number}`, Labels });
    } while (made.status === 201);
    expect(made.body.message).toMatch(/full|no space/i);
  }
}

test("changes of networks come about or leave everything as it was, and the next daemon finds it so", async () => {
  const { world, image } = disk();
  for (const [name, subnet] of [
    ["one", "10.87.0.0/24"],
    ["two", "10.88.0.0/24"],
  ] as const)
    await world.rtOutput(["network", "create", "--subnet", subnet, name]);
  const run = ["run", "-d", "--network", "one", image, "sleep", "1000"];
  await world.rtOutput([...run.slice(0, 2), "--name", "web", "-p", "8066:80", ...run.slice(2)]);
  await world.rtOutput([...run.slice(0, 2), "--name", "peer", ...run.slice(2)]);
  const { State, NetworkSettings: before } = (await call("GET", "/containers/web/json")).body;
  using web = Envoy.in(world, State.Pid);
  using host = Envoy.in(world);
  await web.serve("web", { address: "0.0.0.0", port: 80 });
  const expectAsBefore = async (): Promise<void> => {
    expect((await call("GET", "/containers/web/json")).body.NetworkSettings).toEqual(before);
    const place = { address: "127.0.0.1", port: 8066, timeout: 4000 };
    expect((await host.call(place)).server).toBe("web");
    const found = await world.run([
      "nsenter",
      "-t",
      `${State.Pid}`,
      "-n",
      "ip",
      "-o",
      "-4",
      "addr",
    ]);
    expect(found.stdout.match(/inet 10[\d.]+/g)).toEqual([`inet ${before.Networks.one.IPAddress}`]);
  };

  await fill();
  const connect = { Container: "web", EndpointConfig: { GwPriority: 1 } };
  expect(await call("POST", "/networks/two/connect", connect)).toMatchObject({ status: 500 });
  await expectAsBefore();
  expect(await call("POST", "/networks/create", { Name: "three" })).toMatchObject({ status: 500 });
  const change = { PublishAdd: { "81/tcp": [{ HostPort: "8067" }] } };
  expect(await call("POST", "/containers/web/update", change)).toMatchObject({ status: 500 });
  await expectAsBefore();
  // Whoever waits for the end of a container hears of it, though nothing can be recorded.
  expect(await call("POST", "/containers/peer/stop?t=0")).toMatchObject({ status: 204 });
  await world.daemonAlive().kill();
  await world.daemon();
  await expectAsBefore();
  expect((await call("GET", "/containers/peer/json")).body.State.Running).toBe(false);

  expect(await disk().empty()).toBe(0);
  for (const name of ["web", "peer"])
    expect(await call("DELETE", `/containers/${name}?force=true`)).toMatchObject({ status: 204 });
  for (const name of ["one", "two"])
    expect(await call("DELETE", `/networks/${name}`)).toMatchObject({ status: 204 });
});
