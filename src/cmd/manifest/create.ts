import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { EngineError } from "../../errors.ts";
import { PendingLists } from "./pending.ts";
import { insecureFlag, registryOptions } from "./registry.ts";

export const create = defineCommand({
  name: "create",
  summary: "Create a local manifest list for annotating and pushing to a registry",
  usage: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  arity: { min: 2 },
  flags: {
    amend: { kind: "bool", short: "a", summary: "Amend an existing manifest list" },
    insecure: insecureFlag,
  },
  async run({ flags, args: [list = "", ...names], stdout }) {
    const { normalizeName } = await import("../../oci/manifest-list.ts");
    const { fetchForList } = await import("../../oci/registry/manifest-lists.ts");
    const { RegistryClient } = await import("../../oci/registry/client.ts");
    const { name } = normalizeName(list);
    const lists = new PendingLists();
    const before = await lists.find(name);
    if (before !== undefined && !flags.amend) {
      throw new EngineError(
        "conflict",
        "refusing to amend an existing manifest list with no --amend flag",
      );
    }
    const listed = new Map((before ?? []).map((manifest) => [manifest.ref, manifest]));
    for (const { ref, name } of names.map(normalizeName)) {
      // What is known may have been annotated.
      if (listed.has(name)) continue;
      const source = new RegistryClient(registryOptions(ref, flags.insecure));
      listed.set(name, await fetchForList(source, ref));
    }
    await lists.save(name, [...listed.values()]);
    stdout.line(`Created manifest list ${name}`);
    return exitCodes.ok;
  },
});
