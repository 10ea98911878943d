import type { Database } from "bun:sqlite";
import type { Volume } from "../volumes/volume.ts";

/** Records of volumes, by name. */
export class VolumeStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  all(): Volume[] {
    return this.#database
      .query<{ record: string }, []>("SELECT record FROM volumes ORDER BY name")
      .all()
      .map((row) => JSON.parse(row.record) as Volume);
  }

  find(name: string): Volume | undefined {
    const query = "SELECT record FROM volumes WHERE name = ?";
    const row = this.#database.query<{ record: string }, [string]>(query).get(name);
    return row === null ? undefined : (JSON.parse(row.record) as Volume);
  }

  insert(volume: Volume): void {
    this.#database
      .query("INSERT INTO volumes (name, record) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .run(volume.name, JSON.stringify(volume));
  }

  remove(name: string): void {
    this.#database.query("DELETE FROM volumes WHERE name = ?").run(name);
  }
}
