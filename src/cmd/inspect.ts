import { type Command, type CommandContext, defineCommand } from "../cli/command.ts";
import { compactJson, indentJson } from "../cli/json-text.ts";
import { exitCodeOf, exitCodes, formatError } from "../cli/report.ts";
import { Template } from "../cli/template/template.ts";
import type { Engine, InspectKind } from "../client/engine.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";

/** In the order in which a name is looked for. */
const kinds = ["container", "image", "network", "volume"] as const satisfies InspectKind[];

const format = {
  kind: "string",
  short: "f",
  summary: 'Format output: "json" or a template',
} as const;
const inspectFlags = {
  format,
  size: { kind: "bool", short: "s", summary: "Display total file sizes of containers" },
  type: { kind: "string", summary: "Only inspect objects of the given type", choices: kinds },
} as const;
const networkFlags = {
  format,
  verbose: { kind: "bool", short: "v", summary: "Verbose output for diagnostics" },
} as const;

export const inspect = buildInspect(undefined);
export const inspectContainer = buildInspect("container");
export const inspectImage = buildInspect("image");
export const inspectVolume = buildInspect("volume");

export const inspectNetwork = defineCommand({
  name: "inspect",
  summary: "Display detailed information on one or more networks",
  usage: "NETWORK [NETWORK...]",
  arity: { min: 1 },
  completes: "networks",
  flags: networkFlags,
  run: (context) => inspectAll(context, "network", { verbose: context.flags.verbose }),
});

/** `inspect` of anything, or of objects of one kind alone. */
function buildInspect(only: InspectKind | undefined): Command<typeof inspectFlags> {
  return defineCommand({
    name: "inspect",
    summary: only
      ? `Display detailed information on one or more ${only}s`
      : "Return low-level information on Docker objects",
    usage: only ? `${only.toUpperCase()} [${only.toUpperCase()}...]` : "NAME|ID [NAME|ID...]",
    arity: { min: 1 },
    completes: only ? `${only}s` : kinds.map((kind) => `${kind}s` as const),
    flags: inspectFlags,
    run: (context) => {
      const { size, type } = context.flags;
      return inspectAll(context, only ?? readKind(type), { size });
    },
  });
}

function readKind(text: string | undefined): InspectKind | undefined {
  const kind = kinds.find((each) => each === text);
  if (text === undefined || kind !== undefined) return kind;
  throw new EngineError("invalid_argument", `unknown type: "${text}"`, {
    hint: `give one of ${kinds.join(", ")}`,
  });
}

interface InspectOptions {
  size?: boolean;
  verbose?: boolean;
}

async function inspectAll(
  context: CommandContext<{ format: typeof format }>,
  kind: InspectKind | undefined,
  options: InspectOptions,
): Promise<number> {
  const { flags, args, target, program, stdout, stderr } = context;
  const { format: asked = "" } = flags;
  const template = asked === "" || asked === "json" ? undefined : new Template(asked);
  const engine = openEngine(target);
  const texts: string[] = [];
  const failures: unknown[] = [];
  let printed = "";
  for (const name of args) {
    try {
      const text = await findObject(engine, name, kind, options);
      if (template) printed += `${template.execute(JSON.parse(text))}\n`;
      else texts.push(text);
    } catch (error) {
      failures.push(error);
    }
  }
  const list = `[${texts.join(",")}]`;
  if (template) stdout.print(printed || "\n");
  else stdout.line(asked === "json" ? compactJson(list) : indentJson(list));
  for (const failure of failures) stderr.line(formatError(failure, program));
  return failures.length === 0 ? exitCodes.ok : exitCodeOf(failures[0]);
}

/** The object's JSON as the engine sent it. */
async function findObject(
  engine: Engine,
  name: string,
  kind: InspectKind | undefined,
  options: InspectOptions,
): Promise<string> {
  if (kind !== undefined) return await engine.inspectText(kind, name, options);
  for (const each of kinds) {
    try {
      return await engine.inspectText(each, name, options);
    } catch (error) {
      const skipped =
        error instanceof EngineError && /^(not_found|invalid_argument)$/.test(error.code);
      if (!skipped) throw error;
    }
  }
  throw new EngineError("not_found", `Error: No such object: ${name}`);
}
