import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { PendingLists } from "./pending.ts";
import { insecureFlag, registryOptions } from "./registry.ts";

export const push = defineCommand({
  name: "push",
  summary: "Push a manifest list to a repository",
  usage: "MANIFEST_LIST",
  arity: { min: 1, max: 1 },
  flags: {
    insecure: insecureFlag,
    purge: { kind: "bool", short: "p", summary: "Remove the local manifest list after push" },
  },
  async run({ flags, args: [list = ""], stdout }) {
    const { normalizeName } = await import("../../oci/manifest-list.ts");
    const { planListPush, pushList } = await import("../../oci/registry/manifest-lists.ts");
    const { PushClient } = await import("../../oci/registry/push-client.ts");
    const { ref, name } = normalizeName(list);
    const lists = new PendingLists();
    const plan = planListPush(ref, await lists.get(name));
    const registry = new PushClient(ref, registryOptions(ref, flags.insecure));
    const digest = await pushList(ref, plan, registry, (pushed, digest) =>
      stdout.line(`Pushed ref ${pushed} with digest: ${digest}`),
    );
    stdout.line(digest);
    if (flags.purge) await lists.remove(name);
    return exitCodes.ok;
  },
});
