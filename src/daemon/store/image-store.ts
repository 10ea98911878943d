import type { Database } from "bun:sqlite";
import type { StoredImage } from "../images/image.ts";

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
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
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

  /** Records the image and points the references at it, in one transaction. */
  save(image: StoredImage, references: { reference: string; digest: string }[]): void {
    this.#database.transaction(() => {
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
    })();
  }

  removeTag(reference: string): void {
    this.#database.query("DELETE FROM tags WHERE reference = ?").run(reference);
  }

  removeImage(id: string): void {
    this.#database.query("DELETE FROM images WHERE id = ?").run(id);
  }
}
