import { defineCommand } from "../cli/command.ts";
import { type FlagValues, UsageError } from "../cli/flags.ts";
import { exitCodes } from "../cli/report.ts";
import { EngineError, messageOf } from "../errors.ts";
import type { ServeOptions } from "../oci/registry/server.ts";

const registryFlags = {
  htpasswd: {
    kind: "string",
    value: "file",
    summary: "Let in only who is in this file (htpasswd -B)",
  },
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
  "tls-cert": { kind: "string", value: "file", summary: "Serve https with this certificate" },
  "tls-key": { kind: "string", value: "file", summary: "Key of the certificate" },
} as const;

export const registry = defineCommand({
  name: "registry",
  summary: "Serve images to others: a small registry in the foreground",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: registryFlags,
  async run({ flags, stderr }) {
    const { serveRegistry } = await import("../oci/registry/server.ts");
    const options = await toServeOptions(flags, (text) => stderr.line(text));
    const ended = waitForEnd();
    const server = await serveRegistry(options);
    const warning = warningOf(options);
    if (warning !== undefined) stderr.line(`warning: ${warning}`);
    stderr.line(`rt registry listening on ${server.url}`);
    await ended;
    await server.stop();
    return exitCodes.ok;
  },
});

async function toServeOptions(
  flags: FlagValues<typeof registryFlags>,
  say: (text: string) => void,
): Promise<ServeOptions> {
  const listen = parseListen(flags.listen ?? "");
  const tls = await readTls(flags["tls-cert"], flags["tls-key"]);
  const { PasswordFile } = await import("../oci/registry/server/password-file.ts");
  const users = flags.htpasswd ? await PasswordFile.open(flags.htpasswd) : undefined;
  return {
    root: flags.root ?? "",
    listen,
    onError: (error) => say(`error: ${messageOf(error)}`),
    ...(tls === undefined ? {} : { tls }),
    ...(users === undefined ? {} : { authorize: (request) => users.authorize(request) }),
  };
}

/** A certificate and its key that fit together. Throws invalid_argument. */
async function readTls(
  cert: string | undefined,
  key: string | undefined,
): Promise<ServeOptions["tls"]> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new UsageError("--tls-cert and --tls-key go together");
  const { createSecureContext } = await import("node:tls");
  try {
    const tls = { cert: await Bun.file(cert).text(), key: await Bun.file(key).text() };
    createSecureContext(tls);
    return tls;
  } catch (cause) {
    const text = `cannot use the certificate ${cert} with the key ${key}: ${messageOf(cause)}`;
    throw new EngineError("invalid_argument", text, { cause });
  }
}

/** What whoever opens a registry to a network should know of it. */
function warningOf({ listen, authorize, tls }: ServeOptions): string | undefined {
  if (/^(127\.|::1$|localhost$)/.test(listen.hostname)) return undefined;
  if (authorize === undefined)
    return "whoever reaches this address may pull, push and delete; see --htpasswd";
  if (tls === undefined) return "passwords and images travel unencrypted; see --tls-cert";
  return undefined;
}

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
