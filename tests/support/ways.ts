/** The ways by which an image reaches the engine, as requests: what was said, and what the engine keeps of it. */
import { readdir } from "node:fs/promises";
import { buildTar, type Image } from "../../scripts/image.ts";
import { layoutMembers } from "./archives.ts";
import type { Daemon } from "./daemon.ts";
import type { FakeRegistry } from "./fake-registry.ts";
import { messageOf } from "./json.ts";

export type Way = "pull" | "load" | "import";

export interface Ways {
  daemon: Daemon;
  registry: FakeRegistry;
}

/** Gives an image, or for an import its only layer, to the engine. Returns the sentence that refused it, or "". */
export async function take(to: Ways, way: Way, image: Image, layer: Uint8Array): Promise<string> {
  if (way === "load") {
    const archive = buildTar(layoutMembers([{ image, tags: ["hostile.example/x:1"] }]));
    return await send(to.daemon, "/images/load", archive);
  }
  if (way === "import") return await send(to.daemon, "/images/create?fromSrc=-&repo=x", layer);
  return await pull(to, image);
}

/** The registry serves the image under a name that it has had for no other. */
export async function pull({ daemon, registry }: Ways, image: Image): Promise<string> {
  const name = `x/${image.digest.slice(7, 27)}`;
  registry.serve(`${name}:latest`, image);
  return await pullName(daemon, `${registry.host}/${name}`);
}

/** `auth` is shown to the registry of the name. */
export async function pullName(daemon: Daemon, name: string, auth?: object): Promise<string> {
  const text = Buffer.from(JSON.stringify(auth ?? {})).toString("base64url");
  const path = `/images/create?fromImage=${name}&tag=latest`;
  return await send(daemon, path, undefined, { "x-registry-auth": text });
}

/** Posts a body; the sentence that refused it, or "". */
export async function send(
  daemon: Daemon,
  path: string,
  body?: Uint8Array,
  headers: Record<string, string> = {},
): Promise<string> {
  const given = body === undefined ? {} : { body: new Uint8Array(body) };
  const signal = AbortSignal.timeout(600_000);
  const reply = await daemon.request(path, { method: "POST", headers, ...given, signal });
  if (!reply.ok) return await messageOf(reply);
  const lines = (await reply.text()).trim().split("\n");
  const messages = lines.map((line) => JSON.parse(line) as { error?: string });
  return messages.find(({ error }) => error !== undefined)?.error ?? "";
}

/**
 * The names of all that the engine keeps of images, partial files and staging directories among them; `root` is where
 * its data root is to be seen.
 */
export async function keptBy(daemon: Daemon, root = daemon.dataRoot): Promise<string[]> {
  const of = async (path: string) =>
    (await readdir(`${root}/${path}`, { recursive: true })).map((name) => `${path}/${name}`);
  const images = await daemon.json<{ Id: string }[]>("/images/json?all=1");
  const layers = await readdir(`${root}/layers`);
  return [...(await of("content")), ...layers, ...images.map(({ Id }) => Id)].sort((a, b) =>
    a < b ? -1 : 1,
  );
}

/** Removes every image. */
export async function forgetImages(daemon: Daemon): Promise<void> {
  for (const { Id } of await daemon.json<{ Id: string }[]>("/images/json?all=1")) {
    const reply = await daemon.request(`/images/${Id}?force=1`, { method: "DELETE" });
    if (!reply.ok) throw new Error(`remove ${Id}: ${await reply.text()}`);
  }
}
