/**
 * A name server for tests, over UDP and TCP at the addresses that it is started with. What it says hangs on the first
 * word of a name: `silent` nothing, `failing` SERVFAIL, `refused` REFUSED, `absent` NXDOMAIN, `lies` other things before
 * the truth, `long` more than a datagram takes. All others have the address 198.51.100.N, where N is the last number of
 * the server's own. It prints "serving", then each question as "udp NAME" or "tcp NAME".
 */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** Executes a daemon that finds this in /etc/resolv.conf, and nobody else does. */
export function withResolvConf(text: string): string[] {
  const script =
    'file=$(mktemp) && printf %s "$0" >"$file" && mount --bind "$file" /etc/resolv.conf && rm "$file" && exec "$@"';
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, text];
}

const codes: Record<string, number> = { failing: 2, absent: 3, refused: 5 };

function nameOf(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at]; at += 1 + (query[at] ?? 0))
    labels.push(query.toString("latin1", at + 1, at + 1 + (query[at] ?? 0)));
  return labels.join(".");
}

function answer(query: Buffer, code: number, address: string, count: number, cut: boolean): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(0x8180 | code | (cut ? 0x0200 : 0), 2);
  head.writeUInt16BE(count, 6);
  head.writeUInt16BE(0, 10);
  const record = Buffer.from([
    0xc0,
    12,
    0,
    1,
    0,
    1,
    0,
    0,
    0,
    60,
    0,
    4,
    ...address.split(".").map(Number),
  ]);
  return Buffer.concat([head, ...Array.from({ length: count }, () => record)]);
}

function replies(query: Buffer, own: string, isTcp: boolean): Buffer[] {
  const word = nameOf(query).split(".")[0] ?? "";
  const address = `198.51.100.${own.split(".").pop()}`;
  const truth = answer(query, 0, address, 1, false);
  if (word === "silent") return [];
  if (word === "long") return [answer(query, 0, address, isTcp ? 2000 : 3, !isTcp)];
  if (codes[word] !== undefined) return [answer(query, codes[word], address, 0, false)];
  if (word !== "lies") return [truth];
  const lie = answer(query, 0, "203.0.113.1", 1, false);
  const otherId = Buffer.from(lie);
  otherId[0] = (lie[0] ?? 0) ^ 1;
  const otherName = Buffer.from(lie);
  otherName[13] = (lie[13] ?? 0) ^ 1;
  return [Buffer.alloc(5), query, otherId, otherName, truth];
}

async function serve(own: string): Promise<void> {
  const udp = createSocket("udp4");
  udp.on("message", (query, from) => {
    console.log(`udp ${nameOf(query)}`);
    for (const reply of replies(query, own, false)) udp.send(reply, from.port, from.address);
  });
  const tcp = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (bytes: Buffer) => {
      const query = bytes.subarray(2);
      console.log(`tcp ${nameOf(query)}`);
      for (const reply of replies(query, own, true)) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([length, reply]));
      }
    });
  });
  const bound = Promise.withResolvers<void>();
  udp.bind(53, own, bound.resolve);
  const listening = Promise.withResolvers<void>();
  tcp.listen(53, own, listening.resolve);
  await Promise.all([bound.promise, listening.promise]);
}

if (import.meta.main) {
  await Promise.all(process.argv.slice(2).map(serve));
  console.log("serving");
}
