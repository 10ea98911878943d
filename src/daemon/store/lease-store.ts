import type { Database } from "bun:sqlite";

/** A container's place in a network; null for a family that it has no address of. */
export interface StoredLease {
  network: string;
  container: string;
  address: string | null;
  address6: string | null;
}

/** Addresses in use: one row for each container in each network. */
export class LeaseStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  of(network: string): StoredLease[] {
    return this.#database
      .query<StoredLease, [string]>("SELECT * FROM leases WHERE network = ?")
      .all(network);
  }

  ofContainer(container: string): StoredLease[] {
    return this.#database
      .query<StoredLease, [string]>("SELECT * FROM leases WHERE container = ?")
      .all(container);
  }

  find(network: string, container: string): StoredLease | undefined {
    const query = "SELECT * FROM leases WHERE network = ? AND container = ?";
    return (
      this.#database.query<StoredLease, [string, string]>(query).get(network, container) ??
      undefined
    );
  }

  isUsed(network: string): boolean {
    const query = "SELECT 1 FROM leases WHERE network = ? LIMIT 1";
    return this.#database.query(query).get(network) !== null;
  }

  insert({ network, container, address, address6 }: StoredLease): void {
    this.#database
      .query("INSERT INTO leases (network, container, address, address6) VALUES (?, ?, ?, ?)")
      .run(network, container, address, address6);
  }

  remove(network: string, container: string): void {
    this.#database
      .query("DELETE FROM leases WHERE network = ? AND container = ?")
      .run(network, container);
  }

  removeNetwork(network: string): void {
    this.#database.query("DELETE FROM leases WHERE network = ?").run(network);
  }

  /** All but what these containers have in these networks. */
  allBut(kept: { network: string; container: string }[]): StoredLease[] {
    const isKept = new Set(kept.map(({ network, container }) => `${network} ${container}`));
    return this.#database
      .query<StoredLease, []>("SELECT * FROM leases")
      .all()
      .filter(({ network, container }) => !isKept.has(`${network} ${container}`));
  }

  /** Gives back all but what these containers have in these networks. */
  removeAllBut(kept: { network: string; container: string }[]): void {
    this.#database
      .query(
        `DELETE FROM leases WHERE (network, container) NOT IN
           (SELECT value ->> 'network', value ->> 'container' FROM json_each(?))`,
      )
      .run(JSON.stringify(kept));
  }
}
