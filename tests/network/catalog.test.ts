import { expect, test } from "bun:test";
import { createCall } from "../support/call.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

const call = createCall(stage);

type Shown = { Name: string; Driver: string; IPAM: { Config: unknown } };

const create = (body: Record<string, unknown>) => call("POST", "/networks/create", body);

async function links(): Promise<string> {
  const { world } = stage();
  const shown = await world.spawn(["ip", "-o", "addr"]).finished();
  return shown.stdout;
}

test("a daemon has three networks and nothing of them on the host", async () => {
  const { status, body } = await call("GET", "/networks");
  expect(status).toBe(200);
  const drivers = Object.fromEntries(body.map((network: Shown) => [network.Name, network.Driver]));
  expect(drivers).toEqual({ bridge: "bridge", host: "host", none: "null" });
  expect(body.find((network: Shown) => network.Name === "bridge").IPAM.Config).toEqual([
    { Subnet: "172.17.0.0/16", Gateway: "172.17.0.1" },
  ]);
  expect(await links()).not.toContain("172.17.");
});

test("a network's life by its routes", async () => {
  const created = await create({ Name: "life", Labels: { b: "2", a: "1" } });
  expect(created.status).toBe(201);
  expect(created.body).toEqual({ Id: expect.stringMatching(/^[0-9a-f]{64}$/), Warning: "" });
  const id: string = created.body.Id;
  expect(await links()).toMatch(new RegExp(`br-${id.slice(0, 12)} +inet 172\\.18\\.0\\.1/16`));

  const inspected = await call("GET", "/networks/life");
  expect(inspected.status).toBe(200);
  expect(inspected.body).toEqual({
    Name: "life",
    Id: id,
    Created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    Scope: "local",
    Driver: "bridge",
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: "default",
      // {} only for who says so.
      Options: null,
      Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }],
    },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: { a: "1", b: "2" },
    Status: {
      IPAM: { Subnets: { "172.18.0.0/16": { IPsInUse: 3, DynamicIPsAvailable: 65533 } } },
    },
  });
  for (const reference of [id, id.slice(0, 5)])
    expect((await call("GET", `/networks/${reference}`)).body).toEqual(inspected.body);

  expect(await create({ Name: "life" })).toEqual({
    status: 409,
    body: { message: "network with name life already exists" },
  });
  expect((await call("DELETE", "/networks/life")).status).toBe(204);
  expect(await links()).not.toContain(`br-${id.slice(0, 12)}`);
  expect(await call("GET", "/networks/life")).toEqual({
    status: 404,
    body: { message: "network life not found" },
  });
});

test("a network with containers on it says so and stays", async () => {
  const { world } = stage();
  await create({ Name: "busy" });
  const id = await world.rtOutput([
    "run",
    "-d",
    "--name",
    "user",
    "--network",
    "busy",
    "busybox",
    "sleep",
    "60",
  ]);
  const { body } = await call("GET", "/networks/busy");
  expect(body.Containers[id]).toMatchObject({
    Name: "user",
    IPv4Address: "172.18.0.2/16",
    MacAddress: "02:42:ac:12:00:02",
  });
  const place = body.Containers[id].EndpointID.slice(0, 12);
  expect(await call("DELETE", "/networks/busy")).toEqual({
    status: 403,
    body: {
      message: `error while removing network: network busy has active endpoints (name:"user" id:"${place}")`,
    },
  });
  expect((await call("POST", "/networks/prune")).body).toEqual({ NetworksDeleted: null });
  await world.rtOutput(["rm", "-f", id]);
  expect((await call("POST", "/networks/prune")).body).toEqual({ NetworksDeleted: ["busy"] });
});

test.each([
  [{}, 400, "invalid name: name is empty"],
  [{ Name: "bridge" }, 403, "operation is not permitted on predefined bridge network "],
  [{ Name: "x", Driver: "host" }, 403, 'only one instance of "host" network is allowed'],
  [{ Name: "x", Ingress: true }, 403, "Ingress network can only be global scope network"],
  [
    { Name: "x", Driver: "nope" },
    404,
    "could not find plugin nope in v1 plugin registry: plugin not found",
  ],
  [
    { Name: "x", IPAM: { Config: [{ Subnet: "10.0.0.1/8" }] } },
    400,
    "invalid network config:\ninvalid subnet 10.0.0.1/8: it should be 10.0.0.0/8",
  ],
  [
    { Name: "x", IPAM: { Config: [{ Subnet: "172.17.4.0/24" }] } },
    403,
    "invalid pool request: Pool overlaps with other one on this address space",
  ],
  [{ Name: "x", EnableIPv4: false }, 400, "IPv4 or IPv6 must be enabled"],
  [{ Name: 1 }, 400, 'invalid request body: field "Name" is not a string'],
])("a request for %j is refused with %d", async (request, status, message) => {
  expect(await create(request)).toEqual({ status, body: { message } });
});

test("an inspect of another scope finds nothing, and of nonsense is refused", async () => {
  expect((await call("GET", "/networks/bridge?scope=swarm")).status).toBe(404);
  expect((await call("GET", "/networks/bridge?scope=local&verbose=1")).status).toBe(200);
  expect((await call("GET", "/networks/bridge?verbose=perhaps")).status).toBe(400);
});

test("the networks that every engine has cannot be removed", async () => {
  for (const name of ["bridge", "host", "none"]) {
    expect(await call("DELETE", `/networks/${name}`)).toEqual({
      status: 403,
      body: { message: `${name} is a pre-defined network and cannot be removed` },
    });
  }
});

test("networks outlive the daemon, what they have on the host does not", async () => {
  const { daemon } = stage();
  const { body } = await create({ Name: "lasting", EnableIPv6: true });
  const before = (await call("GET", "/networks/lasting")).body;
  expect(before.IPAM.Config[1].Subnet).toMatch(/^fd[0-9a-f:]+\/64$/);
  await daemon.stop();
  const { world, registry } = stage();
  expect(await links()).not.toContain(`br-${body.Id.slice(0, 12)}`);
  const next = await world.daemon({ mirrors: [registry.url] });
  expect(await next.json<unknown>("/networks/lasting")).toEqual(before);
  expect((await next.request("/networks/lasting", { method: "DELETE" })).status).toBe(204);
});

test("lists have empty members for clients that know it so", async () => {
  type Listed = { Containers?: object }[];
  const former = await stage().daemon.json<Listed>("/v1.44/networks");
  expect(former.map(({ Containers }) => Containers)).toEqual(former.map(() => ({})));
  const now = await stage().daemon.json<Listed>("/v1.52/networks");
  for (const each of now) expect(each).not.toHaveProperty("Containers");
});
