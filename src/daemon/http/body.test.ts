import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { RequestBody } from "./body.ts";
import { RequestError } from "./limits.ts";
import { Wire } from "./wire.ts";

class Client extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

let clients: Client[] = [];
afterEach(() => {
  for (const client of clients) client.destroy();
  clients = [];
});

/** A wire on which `pieces` arrive one by one and then the end. */
function wireOf(pieces: string[]): Wire {
  const client = new Client({ allowHalfOpen: true });
  clients.push(client);
  const wire = new Wire(client as unknown as Socket, () => false);
  for (const piece of pieces) client.push(Buffer.from(piece, "latin1"));
  client.push(null);
  return wire;
}

async function read(wire: Wire, length?: number): Promise<string> {
  const framing =
    length === undefined ? { kind: "chunked" as const } : { kind: "length" as const, length };
  const parts: Uint8Array[] = [];
  for await (const part of new RequestBody(wire, framing, () => {})) parts.push(part);
  return Buffer.concat(parts).toString("latin1");
}

const rest = async (wire: Wire) => Buffer.from((await wire.read()) ?? []).toString("latin1");

describe("RequestBody", () => {
  test("ends where its length says, and leaves what follows", async () => {
    const wire = wireOf(["he", "lloGET"]);
    expect(await read(wire, 5)).toBe("hello");
    expect(await rest(wire)).toBe("GET");
  });

  test("puts chunks together however they arrive", async () => {
    const text = "5;a=b\r\nhello\r\nA\r\n, you all!\r\n0\r\nX: trailer\r\n\r\nGET";
    for (const pieces of [[text], [...text], [text.slice(0, 9), text.slice(9)]]) {
      const wire = wireOf(pieces);
      expect(await read(wire)).toBe("hello, you all!");
      expect((await rest(wire))[0]).toBe("G");
    }
  });

  test.each(["5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", "5"])(
    "says that %j is cut off",
    async (text) => {
      await expect(read(wireOf([text]))).rejects.toThrow("cut off");
    },
  );

  test.each([
    "x\r\n",
    "\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhelloo\r\n0\r\n\r\n",
    "+5\r\nhello\r\n",
    "5\nhello\r\n",
  ])("refuses %j", async (text) => {
    await expect(read(wireOf([text]))).rejects.toThrow(RequestError);
  });

  test("passes over a body that came with its head, and no further", async () => {
    const wire = wireOf(["{}GET"]);
    await Bun.sleep(1);
    const body = new RequestBody(wire, { kind: "length", length: 2 }, () => {});
    expect([body.skipReceived(), await rest(wire)]).toEqual([true, "GET"]);
    const late = new RequestBody(wireOf([]), { kind: "length", length: 2 }, () => {});
    expect(late.skipReceived()).toBe(false);
  });
});
