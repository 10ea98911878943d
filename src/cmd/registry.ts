import { defineCommand } from "../cli/command.ts";
import { UsageError } from "../cli/flags.ts";
import { exitCodes } from "../cli/report.ts";

export const registry = defineCommand({
  name: "registry",
  summary: "Serve images to others: a small registry in the foreground",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    listen: {
      kind: "string",
      value: "address",
      default: "127.0.0.1:5000",
      summary: "HOST:PORT to serve on",
    },
    root: {
      kind: "string",
      value: "dir",
      default: "/var/lib/rt-registry",
      summary: "Where images are kept",
    },
  },
  async run({ flags, stderr }) {
    const listen = parseListen(flags.listen ?? "");
    const { serveRegistry } = await import("../oci/registry/server.ts");
    const ended = waitForEnd();
    const server = await serveRegistry({ root: flags.root ?? "", listen });
    stderr.line(`rt registry listening on ${server.url}`);
    await ended;
    await server.stop();
    return exitCodes.ok;
  },
});

/** "127.0.0.1:5000", "[::1]:5000", ":5000" (all addresses) or "5000" (loopback). */
export function parseListen(text: string): { hostname: string; port: number } {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65535) {
    throw new UsageError(`invalid argument "${text}" for "--listen" flag: expected HOST:PORT`);
  }
  const host = match[1];
  if (host === undefined) return { hostname: "127.0.0.1", port };
  return { hostname: host === "" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port };
}

function waitForEnd(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}
