/** Request number `index` of a seed: an operation of the API made hostile, or one from the hand-made list. */
import { BodyMaker } from "./body.ts";
import { handMade } from "./hand-made.ts";
import type { Api, Operation, Parameter } from "./operations.ts";
import { Random } from "./random.ts";
import { buildRequest, type HostileRequest, mayWait } from "./request.ts";
import { hostileNumber, hostileText, inheritedNames } from "./values.ts";
import { spoilWire } from "./wire.ts";

/** What exists when a request is made. */
export interface Fixtures {
  containers: readonly string[];
  execs: readonly string[];
}

/** Operations that get more than their share, since they have the most to get wrong. */
const weights: Record<string, number> = {
  "POST /containers/create": 40,
  "POST /containers/{id}/update": 10,
  "POST /containers/{id}/exec": 8,
  "POST /volumes/create": 8,
  "GET /containers/json": 6,
  "POST /commit": 4,
  "PUT /containers/{id}/archive": 4,
  "POST /images/create": 3,
  "POST /exec/{id}/start": 3,
};

export class Generator {
  readonly #api: Api;
  readonly #seed: number;
  readonly #operations: readonly Operation[];
  readonly #fixtures: Fixtures;

  constructor(api: Api, seed: number, fixtures: Fixtures) {
    this.#api = api;
    this.#seed = seed;
    this.#fixtures = fixtures;
    this.#operations = api.operations.flatMap((operation) => {
      const weight = weights[`${operation.method} ${operation.path}`] ?? 1;
      return Array.from({ length: weight }, () => operation);
    });
  }

  make(index: number): HostileRequest {
    const random = new Random(this.#seed, index);
    if (random.chance(0.15)) return handMade(random, this.#fixtures);
    const operation = random.pick(this.#operations);
    const target = random.chance(0.03)
      ? `/v${random.pick(["0.1", "1.57", "99999999999.1", "1.", "1.24.1", "-1.5", "1.41"])}`
      : random.pick(["", "", "/v1.24", "/v1.41", "/v1.56"]);
    const method = random.chance(0.03)
      ? random.pick(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "get"])
      : operation.method;
    const head = {
      method,
      target: target + this.#path(operation, random) + this.#query(operation, random),
      headers: this.#headers(operation, random),
      body: this.#body(operation, random),
    };
    const bytes = buildRequest(head);
    const request: HostileRequest = {
      ...{ label: `${method} ${operation.path}`, method, path: operation.path, bytes },
      ...{ framing: "whole", answers: 1, mayWait: mayWait(method, head.target.slice(0, 4096)) },
    };
    return random.chance(0.08) ? spoilWire(request, random) : request;
  }

  #path({ path }: Operation, random: Random): string {
    return path.replace(/\{(\w+)\}/g, (_, name: string) => {
      if (path.startsWith("/exec/") && random.chance(0.7))
        return encodeURIComponent(random.pick(this.#fixtures.execs));
      if (name === "id" && random.chance(0.7)) return random.pick(this.#fixtures.containers);
      if (path.startsWith("/images/") && random.chance(0.3)) return "busybox";
      const text = random.pick([hostileText(random), ...hostileIds]).slice(0, 30_000);
      return random.chance(0.7) ? percent(text) : percent(text).replace(/%2F/g, "/");
    });
  }

  #query({ parameters }: Operation, random: Random): string {
    const pairs: string[] = [];
    for (const parameter of parameters.filter((each) => each.in === "query")) {
      if (random.chance(0.4)) continue;
      const name = encodeURIComponent(parameter.name);
      pairs.push(`${name}=${percent(this.#value(parameter, random).slice(0, 100_000))}`);
      if (random.chance(0.05)) pairs.push(`${name}=1`);
    }
    if (random.chance(0.03)) pairs.push(random.pick(["%", "%zz=%", "&&=&", "a[b]=c", "=", "+%2B"]));
    return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  }

  #value({ name, type }: Parameter, random: Random): string {
    if (name === "filters") return hostileFilters(random);
    // Pulls that begin go out to a registry; few, and to the one that is there.
    if (name === "fromImage" && random.chance(0.8)) return random.pick(["busybox", "none", "a b"]);
    if (name === "path" && random.chance(0.5))
      return random.pick(["/", "/etc", "/etc/passwd", "/tmp", "/none", "/proc/self/mem", "/dev"]);
    if (type === "boolean" && random.chance(0.7)) return random.pick(["1", "0", "true", "false"]);
    return random.chance(0.5) ? hostileNumber(random) : hostileText(random);
  }

  #headers({ parameters }: Operation, random: Random): [string, string][] {
    const headers: [string, string][] = [];
    for (const { name } of parameters.filter((each) => each.in === "header")) {
      if (random.chance(0.7)) headers.push([name, hostileAuth(random)]);
    }
    if (random.chance(0.03)) headers.push(["Content-Type", random.pick(contentTypes)]);
    return headers;
  }

  #body(operation: Operation, random: Random): Uint8Array | undefined {
    if (operation.body === "string") return Buffer.from(hostileText(random).repeat(2));
    if (operation.body !== undefined) return new BodyMaker(this.#api, random).make(operation);
    return random.chance(0.05) ? Buffer.from(hostileText(random)) : undefined;
  }
}

const hostileIds = [
  ...["..", ".", "%", "none", "fuzz-idle%2f..", "0", "a".repeat(64), "f".repeat(64), "-"],
  ...inheritedNames,
];

const contentTypes = [
  ...["text/plain", "application/x-tar", "", "application/json; charset=\0", "application/jsonp"],
  ...["APPLICATION/JSON", "application/json;", ";", "multipart/form-data; boundary=x", "*/*"],
];

/** Percent-encoded, byte for byte; lone surrogates as the bytes that no UTF-8 has. */
function percent(text: string): string {
  if (text.isWellFormed()) return encodeURIComponent(text);
  return "%ED%A0%80";
}

const filterNames = [
  ...[
    "id",
    "name",
    "label",
    "status",
    "exited",
    "health",
    "ancestor",
    "before",
    "since",
    "network",
  ],
  ...["volume", "publish", "expose", "isolation", "is-task", "dangling", "driver", "until", "all"],
  ...["reference", "event", "type", "container", "image", "scope", "label!", ...inheritedNames],
];

const patterns = [
  ...[
    "(a+)+$",
    "(a|a)*b",
    "((a*)*)*c",
    "(.*)(.*)(.*)(.*)(.*)x",
    "[",
    "(",
    "a{1000}",
    "\\1",
    "(?<=a)b",
  ],
  ...[
    "(?:(?:(?:a{99}){99}){99}){99}",
    `${"(".repeat(5000)}`,
    "a".repeat(100_000),
    "\\",
    "[z-a]",
    "*",
  ],
  ...["(a?){64}a{64}", "x{999}{999}", ".*.*.*.*.*.*.*.*!", "", "^$", "\\x{110000}", "[[:alpha:]]"],
];

function hostileFilters(random: Random): string {
  if (random.chance(0.15))
    return random.pick(["{", "[]", "1", "null", "{}", '{"name":1}', '""', "\0"]);
  const name = random.chance(0.9) ? random.pick(filterNames) : hostileText(random);
  const value = random.chance(0.4) ? random.pick(patterns) : hostileText(random);
  const values = random.pick<unknown>([[value], { [value]: true }, value, null, [1], [[]], [null]]);
  const json = JSON.stringify({ [random.chance(0.9) ? name : "label"]: values });
  // A computed key is an own property, whatever its name.
  return random.chance(0.02) ? json.repeat(2) : json;
}

function hostileAuth(random: Random): string {
  const text = random.pick([
    ...["{}", "[]", "null", '{"username":1}', '{"username":"a","password":"b"}', "{", "\xff\0"],
    ...['{"identitytoken":"x"}', '{"__proto__":{"username":"x"}}', '{"username":"a\\u0000"}'],
  ]);
  const value = random.pick([Buffer.from(text).toString("base64url"), "!!!", "e30=", "%7B%7D"]);
  return random.chance(0.03) ? value.repeat(3000) : value;
}
