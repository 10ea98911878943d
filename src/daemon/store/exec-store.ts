import type { Database } from "bun:sqlite";
import type { ExecRecord } from "../execs/exec.ts";

/** Execs in the database; they go with their container. */
export class ExecStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  all(): ExecRecord[] {
    return this.#database
      .query<{ record: string }, []>("SELECT record FROM execs")
      .all()
      .map(({ record }) => JSON.parse(record) as ExecRecord);
  }

  insert(record: ExecRecord): void {
    this.#database
      .query("INSERT INTO execs (id, container, record) VALUES (?, ?, ?)")
      .run(record.id, record.containerId, JSON.stringify(record));
  }

  save(record: ExecRecord): void {
    this.#database
      .query("UPDATE execs SET record = ? WHERE id = ?")
      .run(JSON.stringify(record), record.id);
  }

  remove(ids: readonly string[]): void {
    const remove = this.#database.query("DELETE FROM execs WHERE id = ?");
    this.#database.transaction(() => {
      for (const id of ids) remove.run(id);
    })();
  }
}
