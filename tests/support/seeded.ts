/** An image that has something where volumes are mounted. */
import type { Entry, Image } from "../../scripts/image.ts";
import { buildBusybox } from "./images.ts";

const below: Entry[] = [
  { name: "srv", type: "directory" },
  { name: "srv/data", type: "directory", mode: 0o1770, uid: 12, gid: 34 },
  { name: "srv/data/sub", type: "directory", mode: 0o750, uid: 7, gid: 8 },
  { name: "srv/data/sub/file", mode: 0o640, uid: 7, gid: 8, content: "from the image\n" },
  {
    ...{ name: "srv/data/again", type: "hardlink", target: "srv/data/sub/file" },
    ...{ mode: 0o640, uid: 7, gid: 8 },
  },
  { name: "srv/data/link", type: "symlink", target: "/etc/passwd" },
  { name: "srv/data/hidden", content: "gone in the layer above\n" },
  { name: "srv/way", type: "symlink", target: "data" },
  { name: "srv/file", content: "no directory\n" },
];

const above: Entry[] = [
  { name: "srv", type: "directory" },
  { name: "srv/data", type: "directory", mode: 0o1770, uid: 12, gid: 34 },
  { name: "srv/data/.wh.hidden", content: "" },
  { name: "srv/data/upper", mode: 0o600, content: "from above\n" },
];

export async function buildSeeded(config: Record<string, unknown> = {}): Promise<Image> {
  return await buildBusybox({ above: [below, above], config });
}
