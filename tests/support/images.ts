/** Images that tests run: made from programs of this machine, so that no outside network is needed. */
import { buildImage, type Entry, type Image, type ImageOptions } from "../../scripts/image.ts";
import { output } from "./process.ts";

/**
 * Every applet of the machine's static busybox, as Docker's image of that name has them; `above` are
 * further layers.
 */
export async function buildBusybox({
  above = [],
  config = {},
  ...options
}: Partial<ImageOptions> & { above?: Entry[][] } = {}): Promise<Image> {
  const applets = (await output(["busybox", "--list"])).trim().split("\n");
  const files: Entry[] = [
    { name: "bin", type: "directory" },
    { name: "bin/busybox", content: await Bun.file(await findBusybox()).bytes() },
    ...applets
      .filter((name) => name !== "busybox")
      .map((name): Entry => ({ name: `bin/${name}`, type: "hardlink", target: "bin/busybox" })),
    { name: "etc", type: "directory" },
    {
      name: "etc/passwd",
      mode: 0o644,
      content: "root:x:0:0::/root:/bin/sh\nguest:x:405:100::/:/bin/sh\n",
    },
    { name: "etc/group", mode: 0o644, content: "root:x:0:\nusers:x:100:\nstaff:x:50:guest\n" },
    { name: "root", type: "directory", mode: 0o700 },
    { name: "tmp", type: "directory", mode: 0o1777 },
  ];
  return buildImage({
    layers: [files, ...above],
    config: { Cmd: ["sh"], Env: [path], ...config },
    ...options,
  });
}

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

async function findBusybox(): Promise<string> {
  const found = Bun.which("busybox");
  if (found === null)
    throw new Error("busybox-static is not installed: run ./scripts/setup.sh --tests");
  return found;
}
