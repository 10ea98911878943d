import type { Database } from "bun:sqlite";

/** Addresses in use, one row per container. */
export class EndpointStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  addresses(network: string): string[] {
    return this.#database
      .query<{ address: string }, [string]>("SELECT address FROM endpoints WHERE network = ?")
      .all(network)
      .map((row) => row.address);
  }

  /** The container's address, replaced if it had one that was not given back. */
  assign(container: string, network: string, address: string): void {
    this.#database
      .query("INSERT OR REPLACE INTO endpoints (container, network, address) VALUES (?, ?, ?)")
      .run(container, network, address);
  }

  release(container: string): void {
    this.#database.query("DELETE FROM endpoints WHERE container = ?").run(container);
  }

  /** Gives back the addresses of all containers but these. */
  releaseAllBut(containers: string[]): void {
    this.#database
      .query("DELETE FROM endpoints WHERE container NOT IN (SELECT value FROM json_each(?))")
      .run(JSON.stringify(containers));
  }
}
