/** The image of the program that does harm (`tests/support/mischief`), on top of busybox. */
import type { Image } from "../../scripts/image.ts";
import { buildBusybox } from "./images.ts";

const path = `${import.meta.dir}/../../dist/native/mischief`;

export async function buildMischief(config: Record<string, unknown> = {}): Promise<Image> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new Error(`${path} is missing: run ./scripts/build.sh --tests`);
  const content = await file.bytes();
  const self = "#!/proc/self/exe\nls\n";
  const above = [
    { name: "mischief", content },
    { name: "self", content: self },
  ];
  return await buildBusybox({ above: [above], config });
}
