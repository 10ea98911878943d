/** A sound request spoilt below HTTP: lies about its length, broken lines, a connection that is cut. */
import type { Random } from "./random.ts";
import { encode, type HostileRequest } from "./request.ts";

type Spoil = (parts: Parts, random: Random) => Partial<HostileRequest> & { bytes: Uint8Array };

interface Parts {
  /** Request line and headers, without the empty line. */
  lines: string[];
  body: Uint8Array;
}

const join = (lines: string[], body: Uint8Array): Uint8Array =>
  Buffer.concat([encode(`${lines.join("\r\n")}\r\n\r\n`), body]);

const without = (lines: string[], name: string): string[] =>
  lines.filter((line) => !line.toLowerCase().startsWith(`${name}:`));

/** Every request that claims a length, and none of its headers that do so yet. */
const plain = (lines: string[]): string[] => without(lines, "content-length");

const insert = (lines: string[], ...more: string[]): string[] => [...lines, ...more];

const broken = "broken" as const;

const spoils: Record<string, Spoil> = {
  "length too large": ({ lines, body }) => ({
    ...{ framing: broken, bytes: join(insert(plain(lines), "Content-Length: 99999"), body) },
  }),
  "length too small": ({ lines, body }, random) => {
    const length = random.below(Math.max(body.length, 1));
    return {
      framing: broken,
      bytes: join(insert(plain(lines), `Content-Length: ${length}`), body),
    };
  },
  "length that is none": ({ lines, body }, random) => {
    const text = random.pick(["-1", "1e3", "0x10", "", "+5", "18446744073709551616", "5, 5", "1;"]);
    return { framing: broken, bytes: join(insert(plain(lines), `Content-Length: ${text}`), body) };
  },
  "two lengths": ({ lines, body }) => ({
    framing: broken,
    bytes: join(insert(plain(lines), `Content-Length: ${body.length}`, "Content-Length: 1"), body),
  }),
  "length and chunks": ({ lines, body }) => ({
    framing: broken,
    bytes: join(insert(plain(lines), "Content-Length: 3", "Transfer-Encoding: chunked"), body),
  }),
  "bad chunks": ({ lines, body }, random) => {
    const chunk = random.pick([
      ...["zz\r\n", "-1\r\n", "ffffffffffffffff1\r\n", "5\r\nab", "1\r\nabc\r\n0\r\n\r\n", "\r\n"],
      ...[
        "0x5\r\nhello\r\n0\r\n\r\n",
        `5;${"e".repeat(50_000)}\r\nhello\r\n0\r\n\r\n`,
        "5 \r\n",
        "3\nabc\n0\n\n",
      ],
    ]);
    const head = insert(plain(lines), "Transfer-Encoding: chunked");
    return { framing: broken, bytes: Buffer.concat([join(head, encode(chunk)), body]) };
  },
  "sound chunks of one byte": ({ lines, body }) => {
    const chunks = [...body.subarray(0, 200)].map((byte) => [
      ...[Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n")],
    ]);
    const all = Buffer.concat([...chunks.flat(), Buffer.from("0\r\n\r\n")]);
    return { bytes: join(insert(plain(lines), "Transfer-Encoding: chunked"), all) };
  },
  "unknown coding": ({ lines, body }, random) => {
    const coding = random.pick([
      "gzip",
      "chunked, gzip",
      "identity",
      "xchunked",
      "chunked\x0b",
      "",
    ]);
    return {
      framing: broken,
      bytes: join(insert(plain(lines), `Transfer-Encoding: ${coding}`), body),
    };
  },
  "broken header": ({ lines, body }, random) => {
    const line = random.pick([
      ...[
        "X",
        ": x",
        "X Y: 1",
        "X\0: 1",
        "X: a\0b",
        " folded",
        "X: \x01\x7f",
        "é: 1",
        "X:\u{1F600}",
      ],
      ...["X: 1\nY: 2", "X: 1\rY: 2", "Host : x", "(): x", `X: ${"a".repeat(20_000)}`],
      `${"X".repeat(20_000)}: 1`,
    ]);
    return { framing: broken, bytes: join(insert(lines, line), body) };
  },
  "huge headers": ({ lines, body }, random) => ({
    framing: broken,
    bytes: join(insert(lines, `X: ${"a".repeat(random.pick([65_536, 1_000_000]))}`), body),
  }),
  "many headers": ({ lines, body }, random) => {
    const count = random.pick([100, 2000, 20_000]);
    const more = Array.from({ length: count }, (_, at) => `X-${at}: ${at}`);
    return { framing: broken, bytes: join(insert(lines, ...more), body) };
  },
  "broken request line": ({ lines, body }, random) => {
    const [line = "", ...rest] = lines;
    const [method = "", target = ""] = line.split(" ");
    const first = random.pick([
      ...[`${method}  ${target} HTTP/1.1`, `${method} ${target}`, `${method} ${target} HTTP/9.9`],
      ...[`${method} ${target} HTTP/1.1 x`, `${target} HTTP/1.1`, `G\0T / HTTP/1.1`, "", " "],
      ...[`${method} http://x${target} HTTP/1.1`, `${method} * HTTP/1.1`, "CONNECT x:1 HTTP/1.1"],
      ...[`${"M".repeat(20_000)} / HTTP/1.1`, `${method} ${target}\r HTTP/1.1`, "PRI * HTTP/2.0"],
      ...[`${method} ${target}#frag HTTP/1.1`, `${method} ${target} HTTP/1.0`, `\r\n\r\n${line}`],
    ]);
    return { framing: broken, bytes: join([first, ...rest], body) };
  },
  "line feeds only": ({ lines, body }) => ({
    framing: broken,
    bytes: Buffer.concat([encode(`${lines.join("\n")}\n\n`), body]),
  }),
  truncated: ({ lines, body }, random) => {
    const bytes = join(lines, body);
    return { framing: broken, bytes: bytes.subarray(0, random.below(bytes.length)) };
  },
  cut: ({ lines, body }, random) => {
    const bytes = join(lines, body);
    return { framing: "dropped", bytes: bytes.subarray(0, random.below(bytes.length + 1)) };
  },
  "upgrade without need": ({ lines, body }, random) => {
    const to = random.pick(["tcp", "websocket", "h2c", "x", ""]);
    const more = ["Connection: Upgrade", `Upgrade: ${to}`];
    return { framing: broken, bytes: join(insert(lines, ...more), body) };
  },
  expectation: ({ lines, body }, random) => {
    const text = random.pick(["100-continue", "200-ok", "\x7f"]);
    return { framing: broken, bytes: join(insert(lines, `Expect: ${text}`), body) };
  },
  "no host, or two": ({ lines, body }, random) => {
    const hosts = random.chance(0.5) ? [] : ["Host: a", "Host: b"];
    return { framing: broken, bytes: join(insert(without(lines, "host"), ...hosts), body) };
  },
  pipelined: ({ lines, body }) => {
    const bytes = join(lines, body);
    return { framing: broken, bytes: Buffer.concat(Array.from({ length: 8 }, () => bytes)) };
  },
};

export function spoilWire(request: HostileRequest, random: Random): HostileRequest {
  const { bytes } = request;
  const end = Buffer.from(bytes).indexOf("\r\n\r\n");
  const lines = Buffer.from(bytes.subarray(0, end)).toString("utf8").split("\r\n");
  const name = random.pick(Object.keys(spoils));
  const spoilt = spoils[name]?.({ lines, body: bytes.subarray(end + 4) }, random);
  return { ...request, ...spoilt, label: `${request.label}, ${name}` };
}
