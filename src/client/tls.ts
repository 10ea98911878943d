import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { env } from "../env.ts";
import { EngineError, messageOf } from "../errors.ts";

/** TLS as the user typed it: `undefined` is what was not said. */
export interface TlsFlags {
  tls?: boolean;
  tlsverify?: boolean;
  tlscacert?: string;
  tlscert?: string;
  tlskey?: string;
}

/** What a TLS connection is made with. */
export interface TlsSettings {
  /** Undefined: nobody's word is needed that the daemon is who it says. */
  ca?: string;
  cert?: string;
  key?: string;
  rejectUnauthorized: boolean;
}

/** Reads the certificates: those that were named, else those in DOCKER_CERT_PATH or ~/.docker. */
export async function readTls(flags: TlsFlags): Promise<TlsSettings> {
  const verify = flags.tlsverify ?? env.tlsVerify();
  const settings: TlsSettings = { rejectUnauthorized: verify };
  const usual = (name: string) => join(env.certPath(), name);
  if (verify) settings.ca = await read("CA certificate", flags.tlscacert ?? usual("ca.pem"));
  const cert = flags.tlscert ?? (await existing(usual("cert.pem")));
  const key = flags.tlskey ?? (await existing(usual("key.pem")));
  if (cert === undefined && key === undefined) return settings;
  if (cert === undefined || key === undefined) {
    throw new EngineError("invalid_argument", "a certificate and its key belong together", {
      hint: "give both --tlscert and --tlskey",
    });
  }
  settings.cert = await read("certificate", cert);
  settings.key = await read("key", key);
  return settings;
}

async function read(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const message = `could not read TLS ${what} ${JSON.stringify(path)}: ${messageOf(cause)}`;
    throw new EngineError("invalid_argument", message, { cause });
  }
}

async function existing(path: string): Promise<string | undefined> {
  return (await Bun.file(path).exists()) ? path : undefined;
}
