import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { EngineError } from "../../errors.ts";
import { PendingLists } from "./pending.ts";

export const annotate = defineCommand({
  name: "annotate",
  summary: "Add additional information to a local image manifest",
  usage: "MANIFEST_LIST MANIFEST",
  arity: { min: 2, max: 2 },
  flags: {
    arch: { kind: "string", summary: "Set architecture" },
    os: { kind: "string", summary: "Set operating system" },
    "os-features": { kind: "list", summary: "Set operating system feature" },
    "os-version": { kind: "string", summary: "Set operating system version" },
    variant: { kind: "string", summary: "Set architecture variant" },
  },
  async run({ flags, args: [list = "", image = ""] }) {
    const { annotate, normalizeName } = await import("../../oci/manifest-list.ts");
    const { name } = normalizeName(list);
    const ref = normalizeName(image).name;
    const lists = new PendingLists();
    const manifests = (await lists.find(name)) ?? [];
    const at = manifests.findIndex((manifest) => manifest.ref === ref);
    const found = manifests[at];
    if (found === undefined)
      throw new EngineError("not_found", `manifest for image ${image} does not exist in ${list}`);
    const { arch, os, variant, "os-version": osVersion, "os-features": features } = flags;
    const changed = annotate(found, {
      ...{ os, variant, osVersion, architecture: arch },
      osFeatures: features.flatMap((text) => text.split(",")).filter((text) => text !== ""),
    });
    await lists.save(name, manifests.with(at, changed));
    return exitCodes.ok;
  },
});
