import type { Database } from "bun:sqlite";
import type { StoredImage } from "../images/image.ts";
import { archivesOf, type Part, partsOf } from "../images/parts.ts";

export interface Tag {
  /** Canonical: "docker.io/library/hello-world:latest", or "…@sha256:…" for a pull by digest. */
  reference: string;
  /** Image id. */
  image: string;
  /** Digest of the manifest or index that the reference stood for. */
  digest: string;
}

/** Images and the references that name them. */
export class ImageStore {
  /** Compressed layers stay once they are unpacked. */
  readonly keepBlobs: boolean;
  readonly #database: Database;
  /** Since no image came or went. */
  #needed: ReadonlySet<Part> | undefined;

  constructor(database: Database, keepBlobs = true) {
    this.#database = database;
    this.keepBlobs = keepBlobs;
  }

  /** Writes down the compressed layers of all images to be removed, unless they are kept. */
  dropBlobs(): void {
    if (!this.keepBlobs) this.addGarbage(this.images().flatMap(archivesOf));
  }

  #neededBy(image: StoredImage): Part[] {
    const dropped = new Set(this.keepBlobs ? [] : archivesOf(image));
    return partsOf(image).filter((part) => !dropped.has(part));
  }

  images(): StoredImage[] {
    return this.#database
      .query<{ record: string }, []>("SELECT record FROM images")
      .all()
      .map((row) => JSON.parse(row.record) as StoredImage);
  }

  image(id: string): StoredImage | undefined {
    const row = this.#database
      .query<{ record: string }, [string]>("SELECT record FROM images WHERE id = ?")
      .get(id);
    return row === null ? undefined : (JSON.parse(row.record) as StoredImage);
  }

  tags(): Tag[] {
    return this.#database
      .query<Tag, []>("SELECT reference, image, digest FROM tags ORDER BY reference")
      .all();
  }

  tag(reference: string): Tag | undefined {
    const query = "SELECT reference, image, digest FROM tags WHERE reference = ?";
    return this.#database.query<Tag, [string]>(query).get(reference) ?? undefined;
  }

  tagsOf(image: string): Tag[] {
    const query = "SELECT reference, image, digest FROM tags WHERE image = ? ORDER BY reference";
    return this.#database.query<Tag, [string]>(query).all(image);
  }

  /**
   * Records the image and points the references at it, in one transaction. What it no longer needs, if it was
   * known with another manifest, is written down to be removed.
   */
  save(image: StoredImage, references: { reference: string; digest: string }[]): void {
    this.#durably(() => {
      const before = this.image(image.id);
      const parts = new Set(this.#neededBy(image));
      const known = [...partsOf(image), ...(before ? partsOf(before) : [])];
      this.addGarbage(known.filter((part) => !parts.has(part)));
      this.#database
        .query(
          "INSERT INTO images (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
        )
        .run(image.id, JSON.stringify(image));
      const point = this.#database.query(
        `INSERT INTO tags (reference, image, digest) VALUES (?, ?, ?)
         ON CONFLICT (reference) DO UPDATE SET image = excluded.image, digest = excluded.digest`,
      );
      for (const { reference, digest } of references) point.run(reference, image.id, digest);
    });
    this.#needed = undefined;
  }

  /**
   * A transaction that is on the disk when this returns: who was told that an image is here finds it after a power
   * cut, too. All others may lose their last ones.
   */
  #durably(work: () => void): void {
    this.#database.run("PRAGMA synchronous = FULL");
    try {
      this.#database.transaction(work)();
    } finally {
      this.#database.run("PRAGMA synchronous = NORMAL");
    }
  }

  removeTag(reference: string): void {
    this.#database.query("DELETE FROM tags WHERE reference = ?").run(reference);
  }

  /** Forgets the image and its names, and writes down what it alone may have needed. */
  removeImage(image: StoredImage): void {
    this.#database.transaction(() => {
      this.#database.query("DELETE FROM images WHERE id = ?").run(image.id);
      this.addGarbage(partsOf(image));
    })();
    this.#needed = undefined;
  }

  /** Parts of the store that some image needs. */
  needed(): ReadonlySet<Part> {
    this.#needed ??= new Set(this.images().flatMap((image) => this.#neededBy(image)));
    return this.#needed;
  }

  /** Parts that are to be removed unless they are needed again. */
  garbage(): Part[] {
    return this.#database
      .query<{ part: Part }, []>("SELECT part FROM garbage ORDER BY part")
      .all()
      .map(({ part }) => part);
  }

  addGarbage(parts: Part[]): void {
    const add = this.#database.query("INSERT OR IGNORE INTO garbage (part) VALUES (?)");
    this.#database.transaction(() => {
      for (const part of parts) add.run(part);
    })();
  }

  forgetGarbage(part: Part): void {
    this.#database.query("DELETE FROM garbage WHERE part = ?").run(part);
  }
}
