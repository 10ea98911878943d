/** Containers and their places in networks, by the API. */
import { expect } from "bun:test";
import { createCall } from "./call.ts";
import type { Stage } from "./stage.ts";

const sleeping = { Image: "busybox", Cmd: ["sleep", "1000"] };

/** What a request asks of networks. */
export const on = (mode: string, endpoints: Record<string, unknown> = {}) => ({
  HostConfig: { NetworkMode: mode },
  NetworkingConfig: { EndpointsConfig: endpoints },
});

export function usePlaces(stage: () => Stage) {
  const call = createCall(stage);

  async function network(name: string, subnet?: string, more: Record<string, unknown> = {}) {
    const IPAM = subnet === undefined ? {} : { Config: [{ Subnet: subnet }] };
    const created = await call("POST", "/networks/create", { Name: name, IPAM, ...more });
    expect(created).toMatchObject({ status: 201 });
    return created.body.Id as string;
  }

  async function create(name: string, body: Record<string, unknown> = {}): Promise<string> {
    const created = await call("POST", `/containers/create?name=${name}`, { ...sleeping, ...body });
    expect(created).toMatchObject({ status: 201 });
    return created.body.Id;
  }

  async function run(name: string, body: Record<string, unknown> = {}): Promise<string> {
    const id = await create(name, body);
    expect(await call("POST", `/containers/${id}/start`)).toMatchObject({ status: 204 });
    return id;
  }

  /** NetworkSettings of a container. */
  async function settings(name: string) {
    return (await call("GET", `/containers/${name}/json`)).body.NetworkSettings;
  }

  const change =
    (what: string) =>
    (network: string, container: string, more: Record<string, unknown> = {}) =>
      call("POST", `/networks/${network}/${what}`, { Container: container, ...more });

  async function inside(container: string, ...command: string[]): Promise<string> {
    return await stage().world.rtOutput(["exec", container, ...command]);
  }

  /** Lines of `ip` for the wires' ends on the host, but for those that wait for a start. */
  async function wires(): Promise<string[]> {
    const shown = (await stage().world.run(["ip", "-o", "link"])).stdout;
    return shown.split("\n").filter((line) => line.includes("veth") && line.includes("master"));
  }

  /** Removes all containers and networks. */
  async function clear(): Promise<void> {
    await stage().world.daemonAlive().removeContainers();
    expect((await call("POST", "/networks/prune")).status).toBe(200);
  }

  const [connect, disconnect] = [change("connect"), change("disconnect")];
  return { call, network, create, run, settings, connect, disconnect, inside, wires, clear };
}
