/** What an image is made of: keys of its parts, which other images may have too. */
export interface PartsOf {
  id: string;
  parts: string[];
}

export interface Share {
  /** Of all its parts. */
  size: number;
  /** Of those that another image has as well. */
  shared: number;
}

/** How much each image takes, and how much of that others take too; `size` gives the bytes of a part. */
export function shareParts(images: PartsOf[], size: (part: string) => number): Map<string, Share> {
  const owners = new Map<string, number>();
  const sets = images.map(({ id, parts }) => ({ id, parts: new Set(parts) }));
  for (const { parts } of sets)
    for (const part of parts) owners.set(part, (owners.get(part) ?? 0) + 1);
  return new Map(
    sets.map(({ id, parts }) => {
      const share = { size: 0, shared: 0 };
      for (const part of parts) {
        share.size += size(part);
        if ((owners.get(part) ?? 0) > 1) share.shared += size(part);
      }
      return [id, share];
    }),
  );
}

/** Bytes of all parts of some images, each part once. */
export function sumParts(images: PartsOf[], size: (part: string) => number): number {
  const parts = new Set(images.flatMap((image) => image.parts));
  return [...parts].reduce((sum, part) => sum + size(part), 0);
}
