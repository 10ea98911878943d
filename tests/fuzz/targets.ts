/**
 * What must hold of any bytes at all that are taken for a document, a name or an archive: each target throws if it does
 * not. `bytes` are what a stranger sent.
 */
import { buildHeader, type Header } from "../../src/archive/header.ts";
import { TarReader } from "../../src/archive/reader.ts";
import { EngineError } from "../../src/errors.ts";
import { type ImageConfig, parseConfig } from "../../src/oci/config.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { isDigest, parseDigest } from "../../src/oci/digest.ts";
import { type ImageIndex, type ImageManifest, parseManifest } from "../../src/oci/manifest.ts";
import { choosePlatform, formatPlatform, parsePlatform } from "../../src/oci/platform.ts";
import { printable } from "../../src/oci/printable.ts";
import { canonicalString, familiarString, parseName } from "../../src/oci/reference.ts";
import { parseChallenges } from "../../src/oci/registry/challenge.ts";

export type Target = (bytes: Uint8Array) => void | Promise<void>;

/** What parsing gives, or undefined if it was refused as a stranger's input should be. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    checkRefusal(error);
    return undefined;
  }
}

function checkRefusal(error: unknown): void {
  if (!(error instanceof EngineError)) throw error;
  const { code, message } = error;
  if (code !== "invalid_argument" && code !== "not_implemented") throw error;
  if (message.length > 2048) throw new Error(`a message of ${message.length} characters`);
  if (printable(message, 4096) !== message)
    throw new Error(`characters that steer a terminal in ${JSON.stringify(message)}`);
}

function expectEqual(what: string, one: unknown, other: unknown): void {
  if (Bun.deepEquals(one, other, true)) return;
  throw new Error(`${what}: ${Bun.inspect(one)} is not ${Bun.inspect(other)}`);
}

function check(what: string, holds: boolean): void {
  if (!holds) throw new Error(what);
}

const texts = (bytes: Uint8Array) => [
  new TextDecoder().decode(bytes),
  Buffer.from(bytes).toString("latin1"),
];

function reference(bytes: Uint8Array): void {
  for (const text of texts(bytes)) {
    const name = attempt(() => parseName(text));
    if (name === undefined) continue;
    expectEqual("the whole name", parseName(canonicalString(name)), name);
    expectEqual("the familiar name", parseName(familiarString(name)), name);
    check(
      "a path of plain parts",
      name.path.split("/").every((part) => /^[a-z0-9]/.test(part)),
    );
    check("a host", /^[A-Za-z0-9.:[\]-]+$/.test(name.domain));
    const url = new URL(`https://${name.domain}/v2/${name.path}/manifests/${name.tag ?? "x"}`);
    check(
      "a path that a URL leaves as it is",
      url.pathname.startsWith(`/v2/${name.path}/manifests/`),
    );
  }
}

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

function manifest(bytes: Uint8Array): void {
  const found = attempt(() => parseManifest(bytes));
  if (found === undefined) return;
  const { raw, kind, ...document } = found;
  check("the very bytes", raw === bytes);
  const again = parseManifest(encode({ schemaVersion: 2, ...document }));
  expectEqual("printed and parsed", { ...again, raw }, found);
  expectEqual("announced as what it is", parseManifest(bytes, found.mediaType), found);
  for (const each of descriptorsOf(found)) {
    parseDigest(each.digest);
    check("a size", Number.isSafeInteger(each.size) && each.size >= 0);
    check("neither urls nor data", !("urls" in each) && !("data" in each));
  }
  if (found.kind === "index")
    choosePlatform(found.manifests, { os: "linux", architecture: "arm64" });
}

function descriptorsOf(found: ImageIndex | ImageManifest): Descriptor[] {
  const own = found.kind === "index" ? found.manifests : [found.config, ...found.layers];
  return found.subject === undefined ? own : [...own, found.subject];
}

function config(bytes: Uint8Array): void {
  const found = attempt(() => parseConfig(bytes));
  if (found === undefined) return;
  check("digests", found.diffIds.every(isDigest));
  expectEqual("printed and parsed", { ...parseConfig(print(found)), raw: bytes }, found);
}

function print({ platform, created, author, config: own, diffIds, history }: ImageConfig) {
  const set = (names: string[]) => {
    const out: Record<string, object> = Object.create(null);
    for (const name of names) out[name] = {};
    return out;
  };
  const health = own.healthcheck;
  return encode({
    ...{ ...platform, created, author, rootfs: { type: "layers", diff_ids: diffIds } },
    config: {
      ...{ User: own.user, Env: own.env, Entrypoint: own.entrypoint, Cmd: own.cmd },
      ...{ WorkingDir: own.workingDir, Labels: own.labels, ExposedPorts: set(own.exposedPorts) },
      ...{ Volumes: set(own.volumes), StopSignal: own.stopSignal, StopTimeout: own.stopTimeout },
      ...{ Shell: own.shell, OnBuild: own.onBuild, ArgsEscaped: own.argsEscaped },
      Healthcheck: health && {
        ...{ Test: health.test, Interval: health.interval, Timeout: health.timeout },
        ...{ StartPeriod: health.startPeriod, StartInterval: health.startInterval },
        Retries: health.retries,
      },
    },
    history: history.map(({ createdBy, emptyLayer, ...rest }) => ({
      ...{ ...rest, created_by: createdBy, empty_layer: emptyLayer },
    })),
  });
}

function digest(bytes: Uint8Array): void {
  for (const text of texts(bytes)) {
    const found = attempt(() => parseDigest(text));
    check("both say the same", isDigest(text) === (found !== undefined));
    if (found === undefined) continue;
    expectEqual("printed", `${found.algorithm}:${found.hex}`, text);
    check("safe in a path", /^[0-9a-f]+$/.test(found.hex));
  }
}

function platform(bytes: Uint8Array): void {
  for (const text of texts(bytes)) {
    const found = attempt(() => parsePlatform(text));
    if (found === undefined) continue;
    expectEqual("printed and parsed", parsePlatform(formatPlatform(found)), found);
  }
}

function challenge(bytes: Uint8Array): void {
  const [text = ""] = texts(bytes);
  const found = parseChallenges(text);
  const printed = found.map(({ scheme, parameters }) => {
    const quoted = [...parameters].map(
      ([key, value]) => `${key}="${value.replace(/["\\]/g, "\\$&")}"`,
    );
    return `${scheme} ${quoted.join(",")}`;
  });
  if (printed.join(", ").length < 8192)
    expectEqual("printed and parsed", parseChallenges(printed.join(", ")), found);
}

async function archive(bytes: Uint8Array): Promise<void> {
  const whole = await readArchive(bytes, bytes.length || 1);
  for (const step of [1, 511, 513]) {
    expectEqual(`in pieces of ${step}`, await readArchive(bytes, step), whole);
  }
  check("no more entries than headers", whole.entries.length <= bytes.length / 512);
  for (const { header, data } of whole.entries) {
    check("a size", Number.isSafeInteger(header.size) && header.size >= 0);
    check("as many bytes as the size says", whole.broken !== "" || data.length === header.size);
  }
  const readable = whole.entries.filter(({ header }) => canPrint(header));
  const printed = Buffer.concat(
    readable.flatMap(({ header, data }) => [
      ...[buildHeader({ ...header, size: data.length }), data],
      new Uint8Array((512 - (data.length % 512)) % 512),
    ]),
  );
  const again = await readArchive(printed, 4096);
  expectEqual("printed and parsed", again.broken, "");
  expectEqual("names and contents", again.entries.map(facts), readable.map(facts));
}

/** What the writer is made for: numbers as the engine has them. */
function canPrint({ uid, gid, mtime }: Header): boolean {
  return (
    [uid, gid].every((id) => Number.isSafeInteger(id) && id >= 0) &&
    Number.isSafeInteger(mtime) &&
    mtime >= 0
  );
}

const facts = ({ header: { size, major, minor, ...header }, data }: Item) => ({ ...header, data });

interface Item {
  header: Header;
  data: Buffer;
}

async function readArchive(bytes: Uint8Array, step: number) {
  const entries: Item[] = [];
  let at = 0;
  const reader = new TarReader(async () => {
    if (at >= bytes.length) return undefined;
    at += step;
    return bytes.subarray(at - step, at);
  });
  try {
    for (let header = await reader.entry(); header; header = await reader.entry()) {
      const parts: Uint8Array[] = [];
      for (let data = await reader.data(); data; data = await reader.data()) parts.push(data);
      entries.push({ header, data: Buffer.concat(parts) });
    }
    return { entries, broken: "" };
  } catch (error) {
    checkRefusal(error);
    return { entries, broken: String(error) };
  }
}

export const targets = {
  reference,
  manifest,
  config,
  digest,
  platform,
  challenge,
  archive,
} satisfies Record<string, Target>;
