/**
 * Pushes the hello-world image, built from native/hello, to a registry:
 * `bun scripts/hello-image.ts http://127.0.0.1:5000 library/hello-world:latest`
 */
import { buildImage, type Image, pushImage } from "./image.ts";

/** The image of dist/native/hello: one layer with one file. */
export async function buildHelloImage(): Promise<Image> {
  const content = await Bun.file(`${import.meta.dir}/../dist/native/hello`).bytes();
  return buildImage({ layers: [[{ name: "hello", content }]], config: { Cmd: ["/hello"] } });
}

if (import.meta.main) {
  const [registry, name] = process.argv.slice(2);
  const match = /^(.+):([^:/]+)$/.exec(name ?? "");
  if (registry === undefined || match === null) {
    console.error("usage: hello-image.ts http://HOST:PORT REPOSITORY:TAG");
    process.exit(2);
  }
  const [, repository = "", reference = ""] = match;
  const image = await buildHelloImage();
  await pushImage({ registry, repository, reference }, image);
  console.error(`Pushed ${repository}:${reference}, ${image.digest}`);
}
