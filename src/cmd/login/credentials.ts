import { join } from "node:path";
import { env } from "../../env.ts";
import { EngineError, messageOf } from "../../errors.ts";

/** Docker Hub's key in config.json, kept for the sake of files that Docker wrote. */
const hubKey = "https://index.docker.io/v1/";

interface StoredAuth {
  /** base64 of "user:password". */
  auth?: string;
  identitytoken?: string;
}

interface ConfigFile {
  auths?: Record<string, StoredAuth>;
  [other: string]: unknown;
}

export interface Credentials {
  username: string;
  password: string;
  identitytoken?: string;
  serveraddress: string;
}

/** The key under which credentials for a registry host are filed. */
export function credentialKey(registry: string): string {
  const host = registry.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return /^(index\.|registry-1\.)?docker\.io$/.test(host) ? hubKey : host;
}

/** Where credentials are written: RT_CONFIG or DOCKER_CONFIG, else ~/.rt. */
export function configPath(): string {
  return join(env.configDir() ?? join(env.home(), ".rt"), "config.json");
}

/** Value of X-Registry-Auth for a registry: base64url of JSON; undefined without credentials. */
export async function findAuthHeader(registry: string): Promise<string | undefined> {
  const credentials = await findCredentials(registry);
  if (!credentials) return undefined;
  return Buffer.from(JSON.stringify(credentials)).toString("base64url");
}

export async function findCredentials(registry: string): Promise<Credentials | undefined> {
  const key = credentialKey(registry);
  const fallback =
    env.configDir() === undefined ? [join(env.home(), ".docker", "config.json")] : [];
  for (const path of [configPath(), ...fallback]) {
    const stored = (await readConfig(path)).auths?.[key];
    const found = stored && decode(stored, key);
    if (found) return found;
  }
  return undefined;
}

export async function storeCredentials(credentials: Credentials): Promise<string> {
  const path = configPath();
  const config = await readConfig(path);
  const pair = `${credentials.username}:${credentials.password}`;
  const token = credentials.identitytoken;
  const entry: StoredAuth = token
    ? { auth: Buffer.from(`${credentials.username}:`).toString("base64"), identitytoken: token }
    : { auth: Buffer.from(pair).toString("base64") };
  config.auths = { ...config.auths, [credentials.serveraddress]: entry };
  await writeConfig(path, config);
  return path;
}

/** False when there were none. */
export async function removeCredentials(registry: string): Promise<boolean> {
  const path = configPath();
  const config = await readConfig(path);
  const key = credentialKey(registry);
  if (!config.auths || !Object.hasOwn(config.auths, key)) return false;
  delete config.auths[key];
  await writeConfig(path, config);
  return true;
}

function decode(stored: StoredAuth, key: string): Credentials | undefined {
  const pair = Buffer.from(stored.auth ?? "", "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 0) return undefined;
  return {
    username: pair.slice(0, colon),
    password: pair.slice(colon + 1),
    ...(stored.identitytoken === undefined ? {} : { identitytoken: stored.identitytoken }),
    serveraddress: key,
  };
}

async function readConfig(path: string): Promise<ConfigFile> {
  const file = Bun.file(path);
  if (!(await file.exists())) return {};
  try {
    const parsed: ConfigFile | null = JSON.parse(await file.text());
    return parsed !== null && typeof parsed === "object" ? parsed : {};
  } catch (cause) {
    throw new EngineError("invalid_argument", `cannot read "${path}": ${messageOf(cause)}`, {
      cause,
      hint: "repair or remove the file",
    });
  }
}

/** Written beside and renamed, readable by its owner alone. */
async function writeConfig(path: string, config: ConfigFile): Promise<void> {
  const { mkdir, rename, writeFile } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const draft = `${path}.${process.pid}.new`;
    await writeFile(draft, `${JSON.stringify(config, undefined, "\t")}\n`, { mode: 0o600 });
    await rename(draft, path);
  } catch (cause) {
    throw new EngineError("forbidden", `cannot write "${path}": ${messageOf(cause)}`, { cause });
  }
}
