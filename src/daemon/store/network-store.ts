import type { Database } from "bun:sqlite";
import type { Network } from "../networks/network.ts";

/** Records of networks. */
export class NetworkStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  all(): Network[] {
    return this.#database
      .query<{ record: string }, []>("SELECT record FROM networks ORDER BY rowid")
      .all()
      .map((row) => JSON.parse(row.record) as Network);
  }

  save(network: Network): void {
    this.#database
      .query(
        `INSERT INTO networks (id, name, record) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET record = excluded.record`,
      )
      .run(network.id, network.name, JSON.stringify(network));
  }

  remove(id: string): void {
    this.#database.query("DELETE FROM networks WHERE id = ?").run(id);
  }
}
