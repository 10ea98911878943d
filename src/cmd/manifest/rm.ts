import { defineCommand } from "../../cli/command.ts";
import { runBatch } from "../batch.ts";
import { PendingLists } from "./pending.ts";

export const rm = defineCommand({
  name: "rm",
  summary: "Delete one or more manifest lists from local storage",
  usage: "MANIFEST_LIST [MANIFEST_LIST...]",
  arity: { min: 1 },
  flags: {},
  async run({ args, ...session }) {
    const { normalizeName } = await import("../../oci/manifest-list.ts");
    const lists = new PendingLists();
    return await runBatch(session, args, async (text) => {
      const { name } = normalizeName(text);
      await lists.get(name);
      await lists.remove(name);
      return "";
    });
  },
});
