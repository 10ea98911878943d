import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { credentialKey, removeCredentials } from "./login/credentials.ts";

export const logout = defineCommand({
  name: "logout",
  summary: "Log out from a registry",
  usage: "[SERVER]",
  arity: { min: 0, max: 1 },
  flags: {},
  async run({ args, stdout }) {
    const [server = "docker.io"] = args;
    stdout.line(`Removing login credentials for ${credentialKey(server)}`);
    await removeCredentials(server);
    return exitCodes.ok;
  },
});
