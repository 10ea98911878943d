/** Certificates of authorities that a test makes for itself, with openssl. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { output } from "./process.ts";

export interface Identity {
  cert: string;
  key: string;
}

/** A certificate authority in a directory; files are named after what they certify. */
export class Authority {
  readonly ca: string;
  readonly #directory: string;
  readonly #key: string;

  private constructor(directory: string, name: string) {
    this.#directory = directory;
    this.ca = join(directory, `${name}.pem`);
    this.#key = join(directory, `${name}.key`);
  }

  static async create(directory: string, name: string): Promise<Authority> {
    const made = new Authority(directory, name);
    const files = ["-keyout", made.#key, "-out", made.ca];
    await openssl("req", "-x509", ...newKey, ...files, "-days", "2", "-subj", `/CN=${name}`);
    return made;
  }

  /** `hosts` as "IP:127.0.0.1" or "DNS:box"; `days` may be -1: it ended yesterday. */
  async issue(name: string, subject: string, hosts: string[], days = 2): Promise<Identity> {
    const at = (suffix: string) => join(this.#directory, `${name}.${suffix}`);
    await openssl("req", ...newKey, "-keyout", at("key"), "-out", at("csr"), "-subj", subject);
    const names = hosts.length === 0 ? "" : `subjectAltName=${hosts.join(",")}\n`;
    await writeFile(at("ext"), `${names}extendedKeyUsage=serverAuth,clientAuth\n`);
    const ca = ["-CA", this.ca, "-CAkey", this.#key, "-CAcreateserial"];
    const files = ["-in", at("csr"), "-out", at("pem"), "-extfile", at("ext")];
    await openssl("x509", "-req", ...files, ...ca, "-days", `${days}`);
    return { cert: at("pem"), key: at("key") };
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

async function openssl(...args: string[]): Promise<void> {
  await output(["openssl", ...args]);
}
