import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PasswordFile, parsePasswords } from "./password-file.ts";

let directory = "";
let path = "";
const hash = async (password: string): Promise<string> =>
  (await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 })).replace("$2b$", "$2y$");

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rt-passwords-"));
  path = join(directory, "users");
  await writeFile(path, `# users\nalice:${await hash("right: horse")}\n\n`);
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

function ask(file: PasswordFile, header?: string): Promise<number> {
  const headers = header === undefined ? undefined : { authorization: header };
  const request = new Request("http://registry/v2/", headers && { headers });
  return file.authorize(request).then((reply) => reply?.status ?? 200);
}
const basic = (text: string) => `Basic ${btoa(text)}`;

test("who is in the file with this password is let in, and nobody else", async () => {
  const file = await PasswordFile.open(path);
  for (const header of [undefined, "", "Basic", "Basic !", "Bearer x", basic("alice")])
    expect([header, await ask(file, header)]).toEqual([header, 401]);
  for (const text of ["alice:wrong", "bob:right: horse", ":right: horse", "alice:", "#:x"])
    expect([text, await ask(file, basic(text))]).toEqual([text, 401]);
  expect(await ask(file, basic(`alice:${"x".repeat(100)}`))).toBe(401);
  expect(await ask(file, basic("alice:right: horse"))).toBe(200);
});

test("a refusal asks for basic credentials in the specification's words", async () => {
  const file = await PasswordFile.open(path);
  const reply = await file.authorize(new Request("http://registry/v2/"));
  expect(reply?.headers.get("www-authenticate")).toBe('Basic realm="rt registry"');
  expect(await reply?.json()).toMatchObject({ errors: [{ code: "UNAUTHORIZED" }] });
});

test("a change of the file counts at once, also for who was let in before", async () => {
  const file = await PasswordFile.open(path);
  expect(await ask(file, basic("alice:right: horse"))).toBe(200);
  await writeFile(path, `bob:${await hash("other")}\n`);
  await utimes(path, new Date(), new Date(Date.now() + 5000));
  expect(await ask(file, basic("alice:right: horse"))).toBe(401);
  expect(await ask(file, basic("bob:other"))).toBe(200);
});

test("a flood of guesses is told to come again", async () => {
  const file = await PasswordFile.open(path);
  const guesses = Array.from({ length: 80 }, (_, index) =>
    ask(file, basic(`eve:${index}`)).catch((error) => error.code as string),
  );
  expect(new Set(await Promise.all(guesses))).toEqual(new Set([401, "TOOMANYREQUESTS"]));
}, 60_000);

test("what is no password file is refused with its line", () => {
  expect(() => parsePasswords("\n")).toThrow("it names nobody");
  expect(() => parsePasswords("a:$apr1$x$y")).toThrow("line 1 is not NAME:HASH");
  expect(() => parsePasswords("# fine\nplain:secret")).toThrow("line 2 is not NAME:HASH");
});
