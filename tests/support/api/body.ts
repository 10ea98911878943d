/** Bodies: what a well-meaning client would send, and then one or a few things in it made hostile. */
import { Fields, type Json, Raw, writeJson } from "./json.ts";
import type { Api, Operation, Shape } from "./operations.ts";
import type { Random } from "./random.ts";
import { hostileJson, hostileKey, hostileNumber, hostileText } from "./values.ts";

/** Sound values by a field's name, so that what is beside the hostile one is not refused first. */
const sound: Record<string, Json> = {
  Image: "busybox",
  Cmd: ["true"],
  Entrypoint: ["sh"],
  Env: ["A=b"],
  NetworkMode: "none",
  WorkingDir: "/tmp",
  User: "0",
  Binds: ["fuzz:/data"],
  Type: "tmpfs",
  Target: "/mnt",
  Name: "fuzz",
  Memory: 64_000_000,
  StopSignal: "TERM",
  Healthcheck: Fields.of({ Test: ["CMD", "true"] }),
  LogConfig: Fields.of({ Type: "json-file", Config: Fields.of({}) }),
  RestartPolicy: Fields.of({ Name: "no" }),
};

/** What each operation cannot do without. */
const base: Record<string, Record<string, Json>> = {
  "/containers/create": {
    ...{ Image: "busybox", Cmd: ["true"] },
    HostConfig: Fields.of({ NetworkMode: "none" }),
  },
  "/containers/{id}/exec": { Cmd: ["true"] },
  "/exec/{id}/start": { Detach: true },
  "/auth": { username: "fuzz", password: "fuzz", serveraddress: "127.0.0.1:1" },
};

/** Fields that reach for the machine itself when they hold a path that is not there. */
const left: readonly string[] = ["CreateMountpoint", "CgroupParent"];

export class BodyMaker {
  readonly #random: Random;
  readonly #api: Api;

  constructor(api: Api, random: Random) {
    this.#api = api;
    this.#random = random;
  }

  /** The bytes of a body for `operation`, hostile in one to three places. */
  make({ path, body }: Operation): Uint8Array {
    const random = this.#random;
    const kept = base[path] ?? {};
    const shape = this.#resolve(body ?? "object");
    const pairs = new Map(Object.entries(kept));
    const fields = Object.entries(this.#fields(shape));
    for (let count = 1 + random.below(3); count > 0 && fields.length > 0; count--) {
      const [name, field] = random.pick(fields);
      pairs.set(name, this.#spoil(name, field, 0));
    }
    const list: [string, Json][] = [...pairs];
    if (random.chance(0.1)) list.push([hostileKey(random), hostileJson(random)]);
    if (random.chance(0.1) && list.length > 0) list.push(random.pick(list));
    if (random.chance(0.05) && list.length > 0) list.splice(random.below(list.length), 1);
    const text = random.chance(0.02) ? writeJson(hostileJson(random)) : writeJson(new Fields(list));
    return this.#scratch(Buffer.from(text, "utf8"));
  }

  /** A body for a create in which one setting of the container or of its host is hostile. */
  makeCreate(): { field: string; body: Uint8Array } {
    const random = this.#random;
    const create = this.#api.operations.find(({ path }) => path === "/containers/create");
    const { HostConfig, NetworkingConfig: _, ...config } = this.#fields(create?.body ?? "object");
    const isOwn = random.chance(0.5);
    const fields = isOwn ? config : this.#fields(HostConfig ?? "object");
    const [field, shape] = random.pick(Object.entries(fields));
    const spoilt = this.#spoil(field, shape, 0);
    const asked = new Map(Object.entries(base["/containers/create"] ?? {}));
    if (isOwn) asked.set(field, spoilt);
    else asked.set("HostConfig", Fields.of({ NetworkMode: "none", [field]: spoilt }));
    return { field, body: Buffer.from(writeJson(new Fields([...asked]))) };
  }

  #fields(asked: Shape): { [field: string]: Shape } {
    const shape = this.#resolve(asked);
    return typeof shape === "object" && !Array.isArray(shape) ? shape : {};
  }

  /** A value of this shape with something hostile at its root or below. */
  #spoil(name: string, asked: Shape, depth: number): Json {
    const random = this.#random;
    if (left.includes(name)) return false;
    const shape = this.#resolve(asked);
    if (random.chance(0.25)) return hostileJson(random);
    if (typeof shape === "string") return this.#leaf(shape);
    if (depth > 6) return null;
    if (Array.isArray(shape)) {
      const count = random.pick([0, 1, 1, 1, 2, 3]);
      return Array.from({ length: count }, () => this.#spoil("", shape[0], depth + 1));
    }
    const value = shape["*"];
    if (value !== undefined) {
      const keys = Array.from({ length: random.pick([1, 1, 2]) }, () => hostileKey(random));
      return new Fields(keys.map((key) => [key, this.#spoil(key, value, depth + 1)]));
    }
    return this.#spoilFields(shape, depth);
  }

  /** One or two fields hostile, and sound ones that are often needed beside them. */
  #spoilFields(shape: { [field: string]: Shape }, depth: number): Json {
    const random = this.#random;
    const pairs = new Map<string, Json>();
    for (const [name, value] of Object.entries(sound)) {
      if (Object.hasOwn(shape, name) && random.chance(0.3)) pairs.set(name, value);
    }
    const fields = Object.entries(shape);
    for (let count = 1 + random.below(2); count > 0 && fields.length > 0; count--) {
      const [name, field] = random.pick(fields);
      pairs.set(name, this.#spoil(name, field, depth + 1));
    }
    return new Fields([...pairs]);
  }

  #leaf(type: string): Json {
    const random = this.#random;
    if (type === "integer") return new Raw(hostileNumber(random));
    if (type === "boolean") return random.chance(0.6) ? random.chance(0.5) : hostileJson(random);
    if (type === "string") return hostileText(random);
    return random.chance(0.5) ? Fields.of({}) : hostileJson(random);
  }

  #resolve(shape: Shape): Shape {
    let found = shape;
    while (typeof found === "string" && found.startsWith("@"))
      found = this.#api.definitions[found.slice(1)] ?? "object";
    return found;
  }

  /** Now and then bytes that are no JSON, or no text at all. */
  #scratch(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    if (!random.chance(0.12)) return bytes;
    const at = random.below(bytes.length + 1);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const junk = random.pick(["\xff", "\xc0\xaf", "\xed\xa0\x80", "\0", '"', "}", "]", ",", "\\u"]);
    switch (random.below(4)) {
      case 0:
        return before;
      case 1:
        return Buffer.concat([bytes, Buffer.from(random.pick(["{}", "x", "\0", ","]))]);
      case 2:
        return Buffer.concat([Buffer.from("\xef\xbb\xbf", "latin1"), bytes]);
      default:
        return Buffer.concat([before, Buffer.from(junk, "latin1"), after]);
    }
  }
}
