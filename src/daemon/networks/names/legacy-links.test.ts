import { describe, expect, test } from "bun:test";
import { EngineError } from "../../../errors.ts";
import type { Container } from "../../containers/container.ts";
import type { Entry } from "../../containers/table.ts";
import {
  linkEnvironment,
  linkRecords,
  linksOf,
  parseLinkName,
  refuseAbsent,
  resolveLinks,
  showLinks,
} from "./legacy-links.ts";

function entryOf(name: string, mode: string, more: object = {}): Entry {
  return {
    container: {
      id: name.padEnd(64, "0"),
      name,
      config: { Hostname: `${name}-host`, ...more },
      hostConfig: { NetworkMode: mode },
      attachments: mode === "bridge" ? { bridge: {} } : {},
    },
    state: {
      status: "running",
      endpoints: mode === "bridge" ? { bridge: { address: "172.17.0.2", address6: "" } } : {},
    },
  } as unknown as Entry;
}

const entries = [
  entryOf("db", "bridge", {
    ExposedPorts: { "53/udp": {}, "5433/tcp": {}, "5432/tcp": {}, "80/tcp": {} },
    Env: ["A=b", "PATH=/bin", "HOME=/root", "C=", "D"],
  }),
  entryOf("own", "host"),
  entryOf("guest", `container:${"db".padEnd(64, "0")}`),
];

function lookup(reference: string): Entry {
  const found = entries.find(
    ({ container: { id, name } }) => name === reference || id === reference,
  );
  if (found) return found;
  throw new EngineError("not_found", `No such container: ${reference}`);
}

const parentOf = (links: string[]): Container => ({
  ...entryOf("web", "bridge").container,
  hostConfig: resolveLinks({ NetworkMode: "bridge", Links: links }, lookup),
});
const find = (id: string) => entries.find(({ container }) => container.id === id);

describe("resolveLinks", () => {
  const db = "db".padEnd(64, "0");

  test("names become ids, past containers that share a network", () => {
    expect(parentOf(["db:store", "/guest:/web/guest", "db"]).hostConfig.Links).toEqual([
      ...[`${db}:store`, `${db}:guest`, `${db}:db`],
    ]);
    const user = { NetworkMode: "back", Links: ["whoever"] };
    expect(resolveLinks(user, lookup)).toBe(user);
  });

  test("who is not there or has the host's network cannot be linked to", () => {
    expect(() => parentOf(["nobody:n"])).toThrow(
      "could not get container for nobody: No such container: nobody",
    );
    expect(() => parentOf(["own:o"])).toThrow("host type networking can't be used with links");
    const host = { NetworkMode: "host", Links: ["db"] };
    expect(() => resolveLinks(host, lookup)).toThrow("host type networking can't");
  });
});

test("a link is a line of hosts, variables, and what inspect shows", () => {
  const parent = parentOf(["db:my-store"]);
  const links = linksOf(parent, find);
  expect(linkRecords(links)).toEqual([{ address: "172.17.0.2", names: "my-store db-host db" }]);
  expect(showLinks(parent, links)).toEqual(["/db:/web/my-store"]);
  expect(linkEnvironment(parent, links)).toEqual(
    expect.arrayContaining([
      "MY_STORE_PORT=tcp://172.17.0.2:80",
      "MY_STORE_PORT_80_TCP=tcp://172.17.0.2:80",
      "MY_STORE_PORT_80_TCP_ADDR=172.17.0.2",
      "MY_STORE_PORT_80_TCP_PORT=80",
      "MY_STORE_PORT_80_TCP_PROTO=tcp",
      "MY_STORE_PORT_5432_TCP_START=tcp://172.17.0.2:5432",
      "MY_STORE_PORT_5432_TCP_PORT_START=5432",
      "MY_STORE_PORT_5432_TCP_END=tcp://172.17.0.2:5433",
      "MY_STORE_PORT_5432_TCP_PORT_END=5433",
      "MY_STORE_PORT_53_UDP_PROTO=udp",
      "MY_STORE_NAME=/web/my-store",
      "MY_STORE_ENV_A=b",
      "MY_STORE_ENV_C=",
    ]),
  );
  const text = linkEnvironment(parent, links).join("\n");
  expect(text).not.toMatch(/ENV_(PATH|HOME|D)/);
});

test("who is linked to has to run, and to be there", () => {
  const [db] = entries;
  if (db === undefined) throw new Error("no container");
  const stopped = { ...db, state: { ...db.state, status: "exited" as const } };
  const parent = parentOf(["db:store"]);
  expect(() => refuseAbsent(parent, [{ alias: "store", child: stopped }])).toThrow(
    "Cannot link to a non running container: /db AS /web/store",
  );
  expect(() => refuseAbsent(parent, linksOf(parent, find))).not.toThrow();
  expect(linksOf(parent, () => undefined)).toEqual([]);
});

test("a link is removed by its full name, and what is none is the user's mistake", () => {
  expect(parseLinkName("/web/db")).toEqual({ parent: "web", alias: "db" });
  for (const text of ["web", "", "a/b/c", "\r\nX-Evil: 1"])
    expect(() => parseLinkName(text)).toThrow(expect.objectContaining({ code: "conflict" }));
});
