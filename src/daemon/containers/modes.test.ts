import { expect, test } from "bun:test";
import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { initialState } from "./container.ts";
import { checkModes, findNamespaces, resolveDonors } from "./modes.ts";
import type { Entry } from "./table.ts";

const entries: Record<string, HostConfig> = {
  web: { NetworkMode: "bridge", IpcMode: "shareable" },
  side: { NetworkMode: "container:web" },
};

function lookup(name: string): Entry {
  const hostConfig = entries[name];
  if (hostConfig === undefined) throw new EngineError("not_found", `No such container: ${name}`);
  const state = { ...initialState(), status: "running", pid: name.length };
  return { container: { id: `id-${name}`, name, hostConfig }, state } as Entry;
}

test("names of donors become ids", () => {
  expect(resolveDonors({ PidMode: "container:web", IpcMode: "host" }, lookup)).toEqual({
    PidMode: "container:id-web",
    IpcMode: "host",
  });
});

test("the owner of a network is found through those who share it", () => {
  const found = findNamespaces({ NetworkMode: "container:side", UTSMode: "host" }, lookup);
  expect(found.network).toEqual({ join: { id: "id-side", pid: 4 } });
  expect(found.networkOwner?.container.name).toBe("web");
  expect([found.pid, found.ipc, found.uts]).toEqual(["new", "new", "host"]);
});

test("shared memory must be offered", () => {
  const found = findNamespaces({ IpcMode: "container:web" }, lookup);
  expect(found.ipc).toEqual({ join: { id: "id-web", pid: 3 } });
  expect(() => findNamespaces({ IpcMode: "container:side" }, lookup)).toThrow(
    "container side: non-shareable IPC (hint: use IpcMode:shareable for the donor container)",
  );
});

test("a donor that is gone is not the container that is asked for", () => {
  const start = (host: HostConfig): unknown => {
    try {
      return findNamespaces(host, lookup);
    } catch (error) {
      const { code, message } = error as EngineError;
      return [code, message];
    }
  };
  expect(start({ NetworkMode: "container:gone" })).toEqual([
    ...["internal", "joining network namespace of container: No such container: gone"],
  ]);
  const words = ["invalid_argument", "No such container: gone"];
  expect(start({ PidMode: "container:gone" })).toEqual(words);
  expect(start({ IpcMode: "container:gone" })).toEqual(words);
});

test("what a shared network has decided is refused", () => {
  const NetworkMode = "container:web";
  const ports = { PortBindings: { "80/tcp": [] }, NetworkMode };
  expect(() => checkModes({}, ports)).toThrow("port publishing and the container type network");
  expect(() => checkModes({ MacAddress: "02:00:00:00:00:01" }, { NetworkMode })).toThrow(
    "conflicting options: mac-address and the network mode",
  );
  expect(() => checkModes({}, { NetworkMode: "container:" })).toThrow("invalid container format");
  expect(() => checkModes({}, { PidMode: "container:" })).toThrow("invalid PID mode: container:");
  expect(() => checkModes({ Hostname: "x" }, { NetworkMode: "host" })).not.toThrow();
});
