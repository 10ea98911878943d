import type { Database } from "bun:sqlite";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, messageOf } from "../../errors.ts";
import { newId } from "../containers/names.ts";

export interface Volume {
  name: string;
  createdAt: string;
  anonymous: boolean;
}

/** Named and anonymous volumes of the driver "local": directories below the data root. */
export class VolumeService {
  readonly #database: Database;
  readonly #root: string;

  constructor(database: Database, root: string) {
    this.#database = database;
    this.#root = root;
  }

  /** The directory that holds the volume's data. */
  dataPath(name: string): string {
    return join(this.#root, name, "_data");
  }

  find(name: string): Volume | undefined {
    const query = "SELECT record FROM volumes WHERE name = ?";
    const row = this.#database.query<{ record: string }, [string]>(query).get(name);
    return row === null ? undefined : (JSON.parse(row.record) as Volume);
  }

  /** The volume of that name, made if there is none; without a name a new anonymous one. */
  async ensure(name: string | undefined): Promise<Volume> {
    const known = name === undefined ? undefined : this.find(name);
    if (known) return known;
    const volume: Volume = {
      name: name ?? newId(),
      createdAt: new Date().toISOString(),
      anonymous: name === undefined,
    };
    try {
      await mkdir(this.dataPath(volume.name), { recursive: true, mode: 0o755 });
    } catch (cause) {
      throw new EngineError("internal", `create volume "${volume.name}": ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#database
      .query("INSERT INTO volumes (name, record) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .run(volume.name, JSON.stringify(volume));
    return volume;
  }

  /** Removes the record, then the data. What is absent is no error. */
  async remove(name: string): Promise<void> {
    this.#database.query("DELETE FROM volumes WHERE name = ?").run(name);
    await rm(join(this.#root, name), { recursive: true, force: true });
  }
}
