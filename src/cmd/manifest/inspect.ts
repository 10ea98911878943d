import { defineCommand } from "../../cli/command.ts";
import { indentJson } from "../../cli/json-text.ts";
import { exitCodes } from "../../cli/report.ts";
import { EngineError } from "../../errors.ts";
import type { ListedManifest } from "../../oci/manifest-list.ts";
import { PendingLists } from "./pending.ts";
import { insecureFlag, registryOptions } from "./registry.ts";

export const inspect = defineCommand({
  name: "inspect",
  summary: "Display an image manifest, or manifest list",
  usage: "[MANIFEST_LIST] MANIFEST",
  arity: { min: 1, max: 2 },
  flags: {
    insecure: insecureFlag,
    verbose: {
      ...{ kind: "bool", short: "v" },
      summary: "Output additional info including layers and platform",
    },
  },
  async run({ flags: { insecure, verbose }, args, stdout }) {
    const [list, image] = args.length === 2 ? args : [undefined, args[0]];
    const shown =
      list === undefined
        ? await show(image ?? "", verbose, insecure)
        : await showListed(list, image ?? "", verbose);
    stdout.line(shown);
    return exitCodes.ok;
  },
});

/** A pending list of that name, or what the registry has. */
async function show(image: string, verbose: boolean, insecure: boolean): Promise<string> {
  const { buildList, normalizeName } = await import("../../oci/manifest-list.ts");
  const { ref, name } = normalizeName(image);
  const pending = await new PendingLists().find(name);
  if (pending) return verbose ? await showAll(pending) : toText(buildList(pending).bytes);
  const { RegistryClient } = await import("../../oci/registry/client.ts");
  const { fetchListed, findManifest } = await import("../../oci/registry/manifest-lists.ts");
  const source = new RegistryClient(registryOptions(ref, insecure));
  const found = await findManifest(source, ref);
  if (found.kind === "manifest") return await showOne(found.manifest, verbose);
  if (verbose) return await showAll(await fetchListed(source, ref, found));
  return indentJson(toText(found.raw), "   ");
}

/** One manifest of a pending list. */
async function showListed(list: string, image: string, verbose: boolean): Promise<string> {
  const { normalizeName } = await import("../../oci/manifest-list.ts");
  const { name } = normalizeName(image);
  const pending = (await new PendingLists().find(normalizeName(list).name)) ?? [];
  const found = pending.find(({ ref }) => ref === name);
  if (found === undefined) throw new EngineError("not_found", `No such manifest: ${name}`);
  return await showOne(found, verbose);
}

async function showOne(manifest: ListedManifest, verbose: boolean): Promise<string> {
  const { describeVerbose } = await import("../../oci/manifest-list.ts");
  return indentJson(verbose ? describeVerbose(manifest) : toText(manifest.raw), "\t");
}

async function showAll(manifests: ListedManifest[]): Promise<string> {
  const { describeVerbose } = await import("../../oci/manifest-list.ts");
  return indentJson(`[${manifests.map(describeVerbose).join(",")}]`, "\t");
}

const toText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
