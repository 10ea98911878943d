import type { Database } from "bun:sqlite";
import type { Container, ContainerState } from "../containers/container.ts";

interface Row {
  record: string;
  state: string;
}

/** Containers in the database. A name that is taken breaks a constraint; ask before. */
export class ContainerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  all(): { container: Container; state: ContainerState }[] {
    return this.#database
      .query<Row, []>("SELECT record, state FROM containers")
      .all()
      .map((row) => ({
        container: JSON.parse(row.record) as Container,
        state: JSON.parse(row.state) as ContainerState,
      }));
  }

  insert(container: Container, state: ContainerState): void {
    this.#database
      .query("INSERT INTO containers (id, name, record, state) VALUES (?, ?, ?, ?)")
      .run(container.id, container.name, JSON.stringify(container), JSON.stringify(state));
  }

  saveState(id: string, state: ContainerState): void {
    this.#database
      .query("UPDATE containers SET state = ? WHERE id = ?")
      .run(JSON.stringify(state), id);
  }

  saveContainer(container: Container): void {
    this.#database
      .query("UPDATE containers SET name = ?, record = ? WHERE id = ?")
      .run(container.name, JSON.stringify(container), container.id);
  }

  /** Both in one step. */
  save(container: Container, state: ContainerState): void {
    this.#database
      .query("UPDATE containers SET name = ?, record = ?, state = ? WHERE id = ?")
      .run(container.name, JSON.stringify(container), JSON.stringify(state), container.id);
  }

  remove(id: string): void {
    this.#database.query("DELETE FROM containers WHERE id = ?").run(id);
  }
}
