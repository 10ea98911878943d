import type { Database } from "bun:sqlite";

/** What the engine has chosen once and keeps: its id, those of its networks, the bridge's address. */
export class SettingStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  find(name: string): string | undefined {
    const query = "SELECT value FROM settings WHERE name = ?";
    return this.#database.query<{ value: string }, [string]>(query).get(name)?.value;
  }

  save(name: string, value: string): void {
    this.#database
      .query(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      )
      .run(name, value);
  }

  /** The value, chosen now if it never was. */
  ensure(name: string, choose: () => string): string {
    const known = this.find(name);
    if (known !== undefined) return known;
    const chosen = choose();
    this.save(name, chosen);
    return chosen;
  }
}
