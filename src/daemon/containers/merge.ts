import { posix } from "node:path";
import type { ContainerConfig, ContainerCreateRequest, ImageConfig } from "../../api/types.ts";
import { mergeHealthcheck } from "./health-state.ts";

/**
 * Joins a request with its image's settings, by Docker's rules: what the request says wins; the image's
 * command counts only when neither command nor entrypoint was given; maps and the environment are united.
 */
export function mergeConfig(request: ContainerCreateRequest, image: ImageConfig): ContainerConfig {
  const { HostConfig: _host, NetworkingConfig: _networking, ...own } = request;
  const entrypointGiven = (own.Entrypoint ?? []).length > 0;
  const commandGiven = (own.Cmd ?? []).length > 0;
  const command = commandGiven || entrypointGiven ? own.Cmd : image.Cmd;
  const entrypoint = entrypointGiven ? own.Entrypoint : image.Entrypoint;
  const volumes = { ...image.Volumes, ...own.Volumes };
  const ports = { ...image.ExposedPorts, ...own.ExposedPorts };
  const healthcheck = mergeHealthcheck(own.Healthcheck, image.Healthcheck);
  const stopSignal = own.StopSignal || image.StopSignal;
  const shell = own.Shell ?? image.Shell;
  return {
    Hostname: own.Hostname ?? "",
    Domainname: own.Domainname ?? "",
    User: own.User || image.User || "",
    AttachStdin: own.AttachStdin ?? false,
    AttachStdout: own.AttachStdout ?? false,
    AttachStderr: own.AttachStderr ?? false,
    ...(Object.keys(ports).length > 0 ? { ExposedPorts: ports } : {}),
    Tty: own.Tty ?? false,
    OpenStdin: own.OpenStdin ?? false,
    StdinOnce: own.StdinOnce ?? false,
    Env: mergeEnvironment(own.Env ?? [], image.Env ?? []),
    ...(command === undefined ? {} : { Cmd: command }),
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
    Image: own.Image ?? "",
    ...(Object.keys(volumes).length > 0 ? { Volumes: volumes } : {}),
    WorkingDir: clean(own.WorkingDir || image.WorkingDir || ""),
    ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
    Labels: { ...image.Labels, ...own.Labels },
    ...(stopSignal ? { StopSignal: stopSignal } : {}),
    ...(own.StopTimeout == null ? {} : { StopTimeout: own.StopTimeout }),
    ...(shell == null ? {} : { Shell: shell }),
  };
}

/** "/tmp/" and "/tmp/." are "/tmp". */
function clean(path: string): string {
  return path === "" ? "" : posix.normalize(path).replace(/(.)\/$/, "$1");
}

/** The request's variables, then the image's whose names the request does not set. */
function mergeEnvironment(own: string[], image: string[]): string[] {
  const names = new Set(own.map(nameOf));
  return [...own, ...image.filter((variable) => !names.has(nameOf(variable)))];
}

/** Docker's environment of a container: its defaults, each replaced where the settings name it. */
export function buildEnvironment(defaults: string[], configured: string[]): string[] {
  const values = new Map(defaults.map((variable) => [nameOf(variable), variable]));
  for (const variable of configured) {
    if (variable.includes("=")) values.set(nameOf(variable), variable);
    else values.delete(variable);
  }
  return [...values.values()];
}

function nameOf(variable: string): string {
  return variable.split("=", 1)[0] ?? variable;
}
