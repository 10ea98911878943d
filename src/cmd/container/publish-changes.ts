import type { PublishChanges } from "../../api/publish.ts";
import { listPorts, type PortMap } from "../port.ts";
import { parsePublished } from "../request/ports.ts";

/** What --publish-add and --publish-rm ask for; undefined when they ask for nothing. */
export function buildPublishChanges(
  add: readonly string[],
  remove: readonly string[],
): PublishChanges | undefined {
  if (add.length === 0 && remove.length === 0) return undefined;
  return {
    ...(add.length > 0 ? { PublishAdd: Object.fromEntries(parsePublished(add)) } : {}),
    ...(remove.length > 0 ? { PublishRemove: remove.flatMap(parseRemoved) } : {}),
  };
}

/** As -p takes it, port by port: "8000-8001:80-81" → "8000:80/tcp", "8001:81/tcp". */
function parseRemoved(text: string): string[] {
  return [...parsePublished([text])].flatMap(([port, bindings]) =>
    bindings.map(({ HostIp, HostPort }) => {
      const address = HostIp.includes(":") ? `[${HostIp}]` : HostIp;
      if (address !== "") return `${address}:${HostPort}:${port}`;
      return HostPort === "" ? port : `${HostPort}:${port}`;
    }),
  );
}

/** What is asked for as it will be seen: every address where none is said, "0" for a port of the engine's choice. */
export function toPorts(bindings: PortMap): PortMap {
  const toPlace = ({ HostIp, HostPort }: { HostIp?: string; HostPort?: string }) => ({
    HostIp: HostIp || "0.0.0.0",
    HostPort: HostPort || "0",
  });
  return Object.fromEntries(
    Object.entries(bindings).map(([port, list]) => [port, (list ?? []).map(toPlace)]),
  );
}

/** What one map has beyond another, a line each. */
export function comparePorts(before: PortMap, after: PortMap): string[] {
  const [old, now] = [listPorts(before), listPorts(after)];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `unpublished ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `published ${line}`),
  ];
}
