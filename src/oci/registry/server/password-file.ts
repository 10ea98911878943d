import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { EngineError, messageOf } from "../../../errors.ts";
import { errorReply, RegistryError } from "./replies.ts";

/** bcrypt hears no more of a password than this. */
const maxPassword = 72;
/** Logins that are remembered, so that not every blob costs a bcrypt. */
const maxKnown = 256;
/** Logins that wait for their turn; one at a time is computed, so that guessing takes no processor from others. */
const maxWaiting = 16;

/**
 * Who may use a registry: a file as `htpasswd -B` writes it, "NAME:BCRYPT" a line, read again when it
 * changes. Everybody in it may do everything.
 */
export class PasswordFile {
  readonly #path: string;
  #hashes = new Map<string, string>();
  #changed = -1;
  readonly #known = new Set<string>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string) {
    this.#path = path;
  }

  /** Throws invalid_argument for a file that cannot be read, is empty or has other hashes. */
  static async open(path: string): Promise<PasswordFile> {
    const file = new PasswordFile(path);
    await file.#read();
    return file;
  }

  /** undefined lets the request in; else what to answer it with. */
  async authorize(request: Request): Promise<Response | undefined> {
    await this.#read();
    const header = request.headers.get("authorization") ?? "";
    if (await this.#isIn(header)) return undefined;
    const headers = { "www-authenticate": 'Basic realm="rt registry"' };
    const error = new RegistryError("UNAUTHORIZED", "authentication required", { headers });
    return errorReply(error, request.method);
  }

  async #isIn(header: string): Promise<boolean> {
    const key = createHash("sha256").update(header).digest("base64");
    if (this.#known.has(key)) return true;
    const credentials = parseBasic(header);
    if (credentials === undefined) return false;
    const hashes = this.#hashes;
    if (!(await this.#verify(credentials))) return false;
    // What was verified by a file that has changed meanwhile is asked for again.
    if (hashes === this.#hashes && this.#known.size < maxKnown) this.#known.add(key);
    return true;
  }

  async #verify({ name, password }: { name: string; password: string }): Promise<boolean> {
    if (this.#waiting >= maxWaiting) {
      throw new RegistryError("TOOMANYREQUESTS", "too many logins at once", {
        headers: { "retry-after": "5" },
      });
    }
    this.#waiting += 1;
    const hash = this.#hashes.get(name);
    // A name that is not there takes as long as one that is, so that time does not tell which are.
    const [other = ""] = this.#hashes.values();
    const run = this.#last.then(() =>
      Bun.password.verify(password, hash ?? other, "bcrypt").catch(() => false),
    );
    this.#last = run;
    const isRight = await run;
    this.#waiting -= 1;
    return isRight && hash !== undefined;
  }

  async #read(): Promise<void> {
    const path = this.#path;
    try {
      const { mtimeMs } = await stat(path);
      if (mtimeMs === this.#changed) return;
      this.#hashes = parsePasswords(await readFile(path, "utf8"));
      this.#known.clear();
      this.#changed = mtimeMs;
    } catch (cause) {
      const text = `password file ${JSON.stringify(path)}: ${messageOf(cause)}`;
      throw new EngineError("invalid_argument", text, {
        cause,
        hint: "make one with `htpasswd -Bc FILE NAME`",
      });
    }
  }
}

/** Reads "NAME:BCRYPT" lines; empty ones and those with "#" are passed over. Throws for any other. */
export function parsePasswords(text: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = /^([^:]+):(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})$/.exec(line);
    if (match === null) throw new Error(`line ${index + 1} is not NAME:HASH with a hash of bcrypt`);
    hashes.set(match[1] ?? "", match[2] ?? "");
  }
  if (hashes.size === 0) throw new Error("it names nobody");
  return hashes;
}

function parseBasic(header: string): { name: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  const password = text.slice(colon + 1);
  // Of an empty or longer one bcrypt would hear something else than was said.
  if (colon < 1 || password === "" || Buffer.byteLength(password) > maxPassword) return undefined;
  return { name: text.slice(0, colon), password };
}
