import { expect, test } from "bun:test";
import { blockSize, buildHeader, type Header, padding } from "./header.ts";
import { TarReader } from "./reader.ts";

const plain: Header = {
  ...{ name: "f", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0, link: "" },
};

/** A header behind a PAX record, which the writer would not write. */
function withRecord(record: string, header: Partial<Header> = {}): Uint8Array {
  const line = `${record.length + 4} ${record}\n`;
  const extension = Buffer.from(buildHeader({ ...plain, name: "x", size: line.length }));
  extension.write("x", 156);
  extension.fill(" ", 148, 156);
  const sum = extension.reduce((total, byte) => total + byte, 0);
  extension.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  const parts = [extension, Buffer.from(line), padding(line.length)];
  return Buffer.concat([...parts, buildHeader({ ...plain, ...header }), new Uint8Array(1024)]);
}

async function firstOf(bytes: Uint8Array): Promise<Header | undefined> {
  const chunks = [bytes];
  return await new TarReader(async () => chunks.shift()).entry();
}

test("a PAX record wins over the header's own field", async () => {
  expect(await firstOf(withRecord("path=other"))).toMatchObject({ name: "other", type: "file" });
});

test("sizes that no stream can have are refused", async () => {
  for (const size of ["-1", "1e99", "1e3", "0x10", " 7", "+7", "x.5", "9007199254740993"]) {
    await expect(firstOf(withRecord(`size=${size}`))).rejects.toThrow(
      "size of an entry is impossible",
    );
  }
});

test("an owner that is no number is refused, and an empty record takes back what was said", async () => {
  for (const uid of ["1e3", "-1", "xx", "1.5"]) {
    await expect(firstOf(withRecord(`uid=${uid}`))).rejects.toThrow("owner of an entry");
  }
  await expect(firstOf(withRecord("mtime=x"))).rejects.toThrow("time of an entry");
  const link = { type: "symlink", link: "to" } as const;
  expect(await firstOf(withRecord("linkpath=", link))).toMatchObject(link);
});

test("names beyond a header's field, and sizes beyond its digits, are read as they were written", async () => {
  const name = `blobs/sha512/${"0".repeat(128)}`;
  const size = 9 * 1024 ** 3;
  const header = await firstOf(buildHeader({ ...plain, name, size }));
  expect(header).toMatchObject({ name, size });
  expect(buildHeader(plain)).toHaveLength(blockSize);
});
