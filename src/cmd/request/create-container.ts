import type { ContainerCreateRequest, ContainerCreateResponse } from "../../api/types.ts";
import type { Session } from "../../cli/command.ts";
import type { FlagValues } from "../../cli/flags.ts";
import type { Engine } from "../../client/engine.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { creationFlags } from "./flags.ts";
import { refuse } from "./parts.ts";

export interface Creation {
  request: ContainerCreateRequest;
  flags: FlagValues<typeof creationFlags>;
  cidfile: string | undefined;
}

/** Creates the container, pulling its image as --pull says. Resolves with the container's ID. */
export async function createContainer(
  engine: Engine,
  creation: Creation,
  session: Session,
): Promise<string> {
  const { request, flags } = creation;
  const create = () => engine.createContainer(request, flags);
  return (await createBy(create, engine, creation, session)).Id;
}

/** The same with another request than the usual. */
export async function createBy<T extends ContainerCreateResponse>(
  create: () => Promise<T>,
  engine: Engine,
  creation: Creation,
  session: Session,
): Promise<T> {
  const { request, flags, cidfile } = creation;
  const image = request.Image ?? "";
  const pull = async () => {
    const { pullImage } = await import("../image/pull-stream.ts");
    const output = flags.quiet ? undefined : session.stderr;
    await pullImage(engine, { image, platform: flags.platform, output });
  };

  checkPull(flags.pull);
  if (cidfile !== undefined) await refuseExisting(cidfile);
  if (flags.pull === "always") await pull();
  else if (flags.pull === "newer") await pullIfPossible(engine, image, pull);
  const created = await create().catch(async (error: unknown) => {
    if (!(await isImageMissing(error, image)) || flags.pull === "never") throw error;
    if (!flags.quiet) await sayMissing(session, image);
    await pull();
    return await create();
  });
  const localDns = await findLocalDns(request);
  if (localDns !== undefined) session.stderr.line(`WARNING: ${localDns}`);
  for (const warning of created.Warnings ?? []) session.stderr.line(`WARNING: ${warning}`);
  if (cidfile !== undefined) await writeId(cidfile, created.Id);
  return created;
}

async function findLocalDns({ HostConfig }: ContainerCreateRequest): Promise<string | undefined> {
  if (!HostConfig?.Dns) return undefined;
  const { warnOfLocal } = await import("./names.ts");
  return warnOfLocal(HostConfig.Dns);
}

function checkPull(pull: string | undefined): void {
  if (["", "always", "missing", "never", "newer", undefined].includes(pull)) return;
  throw refuse(
    `invalid pull option: '${pull}': must be one of "always", "missing", "never" or "newer"`,
  );
}

async function isImageMissing(error: unknown, image: string): Promise<boolean> {
  if (!(error instanceof EngineError) || error.code !== "not_found") return false;
  // It may be something else that is not there.
  if (!/no such image/i.test(error.message)) return false;
  const { isImageId } = await import("../image/name.ts");
  return !isImageId(image);
}

async function sayMissing(session: Session, image: string): Promise<void> {
  const { formatImageName, parseImageName } = await import("../image/name.ts");
  const name = formatImageName(parseImageName(image));
  session.stderr.line(`Unable to find image '${name}' locally`);
}

/** A registry that cannot be asked is no obstacle while the image is there. */
async function pullIfPossible(
  engine: Engine,
  image: string,
  pull: () => Promise<void>,
): Promise<void> {
  try {
    await pull();
  } catch (error) {
    const local = await engine.inspectImage(image).catch(() => undefined);
    if (!local) throw error;
  }
}

async function refuseExisting(path: string): Promise<void> {
  if (!(await Bun.file(path).exists())) return;
  throw new EngineError("conflict", `container ID file "${path}" found`, {
    hint: `make sure the other container isn't running, or delete "${path}"`,
  });
}

async function writeId(path: string, id: string): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  try {
    await writeFile(path, id, { flag: "wx" });
  } catch (cause) {
    const message = `cannot write the container ID to "${path}": ${messageOf(cause)}`;
    throw new EngineError("invalid_argument", message, { cause });
  }
}
