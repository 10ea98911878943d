import type { ContainerCreateRequest } from "../../api/types.ts";
import type { ContainerFlags } from "./flags.ts";
import { invalid } from "./parts.ts";

export interface ContainerWords {
  image: string;
  command: string[];
}

/** Flags that the short way knows, or that are no part of the request. */
const plain: ReadonlySet<string> = new Set([
  ...["attach", "domainname", "entrypoint", "hostname", "interactive", "rm", "stop-signal"],
  ...["stop-timeout", "tty", "user", "workdir"],
  ...["detach", "detach-keys", "name", "platform", "pull", "quiet", "sig-proxy"],
]);

/**
 * The body of POST /containers/create that `flags` ask for: what Docker's client sends, without the
 * members that have their zero value. What most containers do without is built by a module that is
 * loaded only then, since `run` is over in a few milliseconds. Throws EngineError.
 */
export async function buildCreateRequest(
  flags: ContainerFlags,
  given: ReadonlySet<string>,
  words: ContainerWords,
): Promise<ContainerCreateRequest> {
  const base = buildProcess(flags, given, words);
  const [network, ...networks] = flags.network;
  const simple = network === undefined || (networks.length === 0 && /^[a-z]+$/.test(network));
  for (const name of given) {
    if (plain.has(name) || (name === "network" && simple)) continue;
    const { addSettings } = await import("./settings.ts");
    return await addSettings(base, flags, given);
  }
  if (network !== undefined) base.HostConfig = { ...base.HostConfig, NetworkMode: network };
  return base;
}

/** What runs, and what its streams are. */
function buildProcess(
  flags: ContainerFlags,
  given: ReadonlySet<string>,
  words: ContainerWords,
): ContainerCreateRequest {
  const request: ContainerCreateRequest = { Image: words.image };
  if (words.command.length > 0) request.Cmd = words.command;
  Object.assign(request, buildAttach(flags));
  if (flags.hostname) request.Hostname = flags.hostname;
  if (flags.domainname) request.Domainname = flags.domainname;
  if (flags.user) request.User = flags.user;
  if (flags.tty) request.Tty = true;
  if (flags.interactive) request.OpenStdin = true;
  if (flags.interactive) request.StdinOnce = true;
  // `--entrypoint ""` asks for none, which the API says as [""].
  if (flags.entrypoint !== undefined) request.Entrypoint = [flags.entrypoint];
  if (flags.workdir) request.WorkingDir = flags.workdir;
  if (flags["stop-signal"]) request.StopSignal = flags["stop-signal"];
  const timeout = flags["stop-timeout"];
  if (given.has("stop-timeout") && timeout !== undefined) request.StopTimeout = timeout;
  if (flags.rm) request.HostConfig = { AutoRemove: true };
  return request;
}

interface Attached {
  AttachStdin?: true;
  AttachStdout?: true;
  AttachStderr?: true;
}

/** Which streams the container offers: those of -a, and stdin with -i; stdout and stderr else. */
export function buildAttach(flags: Pick<ContainerFlags, "attach" | "interactive">): Attached {
  const streams: Attached = flags.interactive ? { AttachStdin: true } : {};
  if (flags.attach.length === 0) return { ...streams, AttachStdout: true, AttachStderr: true };
  for (const text of flags.attach) {
    const name = text.toLowerCase();
    if (name === "stdin") streams.AttachStdin = true;
    else if (name === "stdout") streams.AttachStdout = true;
    else if (name === "stderr") streams.AttachStderr = true;
    else throw invalid(text, "-a, --attach", "valid streams are STDIN, STDOUT and STDERR");
  }
  return streams;
}
