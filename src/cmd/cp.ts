import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { formatSize } from "../cli/size.ts";
import { FilesClient } from "../client/files.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { splitArgument } from "./copy/paths.ts";

export const cp = defineCommand({
  name: "cp",
  summary: "Copy files/folders between a container and the local filesystem",
  usage: "CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
  arity: { min: 2, max: 2 },
  completes: "containers",
  flags: {
    archive: {
      kind: "bool",
      short: "a",
      summary: "Archive mode: what is copied belongs to the container's user",
    },
    "follow-link": {
      kind: "bool",
      short: "L",
      summary: "Always follow symbolic links in SRC_PATH",
    },
    quiet: {
      kind: "bool",
      short: "q",
      summary: "Do not say what was copied (so too without a terminal)",
    },
  },
  async run(context) {
    const { args, flags, given, stderr } = context;
    const [from = "", to = ""] = args;
    const [source, destination] = [splitArgument(from), splitArgument(to)];
    checkArguments(from, to, source.container, destination.container);
    const client = new FilesClient(openEngine(context.target).transport);
    const { copyIn, copyOut } = await import("./copy/transfer.ts");
    const transfer = {
      ...{ container: source.container || destination.container },
      ...{ from: source.path, to: destination.path },
      ...{ followLink: flags["follow-link"], copyOwner: flags.archive },
    };
    const copied = await (source.container === ""
      ? copyIn(client, transfer)
      : copyOut(client, context, transfer));
    const { isTerminal } = await import("../cli/terminal.ts");
    const isQuiet = given.has("quiet") ? flags.quiet : !isTerminal(1);
    if (copied && !isQuiet)
      stderr.line(`Successfully copied ${formatSize(copied.size, 3)} to ${copied.to}`);
    return exitCodes.ok;
  },
});

function checkArguments(from: string, to: string, source: string, destination: string): void {
  const refuse = (text: string): never => {
    throw new EngineError("invalid_argument", text);
  };
  if (from === "") refuse("source can not be empty");
  if (to === "") refuse("destination can not be empty");
  if (source !== "" && destination !== "") refuse("copying between containers is not supported");
  if (source === "" && destination === "") refuse("must specify at least one container source");
}
