import type { AuthReply } from "../api/types.ts";
import { defaultDomain } from "../oci/reference.ts";
import { RegistryClient } from "../oci/registry/client.ts";
import type { Credentials } from "../oci/registry/types.ts";
import type { DaemonConfig } from "./config.ts";

/** Shows credentials to a registry and says whether it takes them. Nothing is kept here: the client does. */
export async function login(
  server: string,
  credentials: Credentials,
  config: Pick<DaemonConfig, "insecureRegistries">,
  signal: AbortSignal,
): Promise<AuthReply> {
  const client = new RegistryClient({
    insecureRegistries: config.insecureRegistries,
    credentials: () => Promise.resolve(credentials),
    attempts: 1,
  });
  await client.login(parseServer(server), { signal });
  return { Status: "Login Succeeded" };
}

/** "https://index.docker.io/v1/", "ghcr.io", "https://host:5000/v2/" → the registry's domain. */
function parseServer(server: string): string {
  const host = server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return ["", "index.docker.io", "registry-1.docker.io"].includes(host) ? defaultDomain : host;
}
