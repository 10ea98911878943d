import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { Networks } from "../../client/networks.ts";
import { openEngine } from "../../client/open.ts";

export const disconnect = defineCommand({
  name: "disconnect",
  summary: "Disconnect a container from a network",
  usage: "NETWORK CONTAINER",
  arity: { min: 2, max: 2 },
  completes: ["networks", "containers"],
  flags: {
    force: {
      kind: "bool",
      short: "f",
      summary: "Force the container to disconnect from a network",
    },
  },
  async run({ flags, args, target }) {
    const [network = "", container = ""] = args;
    const networks = new Networks(openEngine(target).transport);
    await networks.disconnect(network, { Container: container, Force: flags.force });
    return exitCodes.ok;
  },
});
