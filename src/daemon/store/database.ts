import { constants, Database } from "bun:sqlite";
import { EngineError, messageOf } from "../../errors.ts";

/**
 * Schema, one step per version; the database's user_version counts the steps that were made.
 * Records are JSON in their domain's own shape; columns exist where a lookup or a constraint needs one.
 */
const migrations = [
  `CREATE TABLE containers (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     record TEXT NOT NULL,
     state TEXT NOT NULL
   ) STRICT;
   CREATE TABLE images (
     id TEXT PRIMARY KEY,
     record TEXT NOT NULL
   ) STRICT;
   CREATE TABLE tags (
     reference TEXT PRIMARY KEY,
     image TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
     digest TEXT NOT NULL
   ) STRICT;
   CREATE TABLE layers (
     diff_id TEXT PRIMARY KEY,
     size INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE volumes (
     name TEXT PRIMARY KEY,
     record TEXT NOT NULL
   ) STRICT;
   CREATE TABLE endpoints (
     container TEXT PRIMARY KEY,
     network TEXT NOT NULL,
     address TEXT NOT NULL,
     UNIQUE (network, address)
   ) STRICT;
   CREATE TABLE settings (
     name TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT;`,
  `CREATE TABLE events (
     sequence INTEGER PRIMARY KEY,
     micros INTEGER NOT NULL,
     event TEXT NOT NULL
   ) STRICT;`,
  `CREATE TABLE execs (
     id TEXT PRIMARY KEY,
     container TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
     record TEXT NOT NULL
   ) STRICT;
   CREATE INDEX execs_of_container ON execs (container);`,
  // What a layer takes of the disk; null until somebody asks.
  "ALTER TABLE layers ADD COLUMN disk INTEGER",
  // Parts of the store that are to be removed.
  "CREATE TABLE garbage (part TEXT PRIMARY KEY) STRICT",
  // Networks that users make, and a container's places in several of them.
  `CREATE TABLE networks (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     record TEXT NOT NULL
   ) STRICT;
   CREATE TABLE leases (
     network TEXT NOT NULL,
     container TEXT NOT NULL,
     address TEXT,
     address6 TEXT,
     PRIMARY KEY (network, container),
     UNIQUE (network, address),
     UNIQUE (network, address6)
   ) STRICT;
   CREATE INDEX leases_of_container ON leases (container);
   INSERT INTO leases SELECT network, container, address, NULL FROM endpoints;
   DROP TABLE endpoints;`,
];

/**
 * Bytes of database and of log that are the engine's already when the disk has none left: more than the
 * 1000 pages after which SQLite begins its log anew.
 */
const reserveBytes = 4.5 * 1024 * 1024;

/**
 * Opens the engine's database. WAL with synchronous=NORMAL: a killed daemon loses nothing, a power cut
 * may lose the last transactions but never leaves a torn one (https://sqlite.org/pragma.html#pragma_synchronous).
 */
export function openDatabase(path: string): Database {
  try {
    const database = new Database(path, { create: true, strict: true });
    // One daemon per data root, so nobody shares it: the index of the log needs no file then.
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    // The log keeps its space, also beyond the end of this process.
    database.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1);
    database.run("PRAGMA synchronous = NORMAL");
    database.run("PRAGMA foreign_keys = ON");
    migrate(database);
    reserve(database);
    return database;
  } catch (cause) {
    throw new EngineError(
      "internal",
      `open database ${JSON.stringify(path)}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function migrate(database: Database): void {
  const row = database.query<{ user_version: number }, []>("PRAGMA user_version").get();
  const version = row?.user_version ?? 0;
  if (version > migrations.length) {
    throw new EngineError("internal", `the database is of version ${version}, made by a newer rt`, {
      hint: "start that rt, or another --data-root",
    });
  }
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.transaction(() => {
      database.run(step);
      database.run(`PRAGMA user_version = ${index + 1}`);
    })();
  }
}

/**
 * Takes space while there is some, so that containers can be stopped and removed on a full disk: pages
 * that were written and given back are used again before the file grows, in the log as in the database.
 */
function reserve(database: Database): void {
  const free = database.query<{ bytes: number }, []>(
    "SELECT f.freelist_count * p.page_size AS bytes FROM pragma_freelist_count f, pragma_page_size p",
  );
  if ((free.get()?.bytes ?? 0) >= reserveBytes / 2) return;
  try {
    // Two transactions: pages that are gone by the end of one are never written.
    database.run("CREATE TABLE IF NOT EXISTS reserve (bytes BLOB) STRICT");
    database.query("INSERT INTO reserve VALUES (zeroblob(?))").run(reserveBytes);
    database.run("DROP TABLE reserve");
    database.run("PRAGMA wal_checkpoint(RESTART)");
  } catch {
    // A disk that is full now is what an earlier start took its reserve for.
  }
}
