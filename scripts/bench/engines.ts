/** The engines beside each other, each with roots of its own below the benchmark's directory. */
import { mkdir } from "node:fs/promises";
import { call, type Server, serve } from "./command.ts";

export const registryHost = "127.0.0.1:5000";

export interface Engine {
  name: string;
  /** Further flags of `run`. */
  runFlags: readonly string[];
  /** The client with the flags that lead to this engine. */
  client: readonly string[];
  pull(image: string): void;
  /** Removes an image that no container uses. */
  forget(image: string): void;
  /** The daemon, where there is one. */
  server?: Server;
  /** Name in /proc of the process that stands by each container. */
  monitor: string;
}

export interface Place {
  dir: string;
  rt: string;
  /** Cgroup path below which engines put theirs. */
  cgroup: string;
}

export async function startRegistry({ dir, rt }: Place): Promise<Server> {
  const command = [rt, "registry", "--root", `${dir}/registry`, "--listen", registryHost];
  return await serve(
    command,
    `${dir}/registry.log`,
    async () => (await fetch(`http://${registryHost}/v2/`).catch(() => undefined))?.ok === true,
  );
}

/** Only crun and podman need the v2 half hidden (see bench.sh); rt takes the host as it is. */
const unified = "/sys/fs/cgroup/unified";
const asHostIs = [
  ...["unshare", "--mount", "--propagation", "private", "sh", "-c"],
  `[ ! -d ${unified} ] || mount -t cgroup2 none ${unified}; exec "$@"`,
  "rt",
];

/** Where each engine keeps what ends with the host, by default in memory: bench.sh has mounted that there. */
const runRoot = ({ dir }: Pick<Place, "dir">, engine: string): string => `/run${dir}/${engine}`;

/** `inside` is what runs the daemon's command, which follows it. */
export async function startRt({ dir, rt }: Place, inside: readonly string[] = []): Promise<Engine> {
  const socket = `unix://${dir}/rt.sock`;
  const roots = ["--data-root", `${dir}/rt-data`, "--run-root", runRoot({ dir }, "rt")];
  // Docker, which is started later, would take the block of addresses that is free now.
  const flags = [...roots, "--bip", "192.168.240.1/20", "-H", socket];
  const client = [rt, "-H", socket];
  const command = [...inside, ...asHostIs, rt, "daemon", ...flags];
  const server = await serve(command, `${dir}/rt.log`, () => works([...client, "version"]));
  return { ...byDockersCommands("rt", client), server, monitor: "rt-monitor" };
}

export async function startDocker(
  { dir, cgroup }: Place,
  inside: readonly string[] = [],
  further: readonly string[] = [],
): Promise<Engine> {
  const socket = `unix://${dir}/docker.sock`;
  const flags = ["--data-root", `${dir}/docker-data`, "--exec-root", runRoot({ dir }, "docker")];
  const more = ["-H", socket, "-p", `${dir}/docker.pid`, "--cgroup-parent", `${cgroup}/docker`];
  const client = ["docker", "-H", socket];
  const command = [...inside, "dockerd", ...flags, ...more, ...further];
  const server = await serve(command, `${dir}/docker.log`, () => works([...client, "version"]));
  return { ...byDockersCommands("docker", client), server, monitor: "containerd-shim" };
}

export async function startPodman({ dir, cgroup }: Place): Promise<Engine> {
  await mkdir(`${dir}/podman`);
  const client = [
    ...["podman", "--root", `${dir}/podman/root`, "--runroot", runRoot({ dir }, "podman")],
    ...[
      "--tmpdir",
      `${dir}/podman/tmp`,
      "--cgroup-manager",
      "cgroupfs",
      "--events-backend",
      "none",
    ],
  ];
  call([...client, "info"]);
  const engine = byDockersCommands("podman", client);
  const pull = (image: string) => {
    call([...client, "pull", "-q", "--tls-verify=false", image]);
  };
  return { ...engine, pull, runFlags: ["--cgroup-parent", `${cgroup}/podman`], monitor: "conmon" };
}

function byDockersCommands(name: string, client: readonly string[]): Omit<Engine, "monitor"> {
  return {
    name,
    client,
    runFlags: [],
    pull: (image) => void call([...client, "pull", "-q", image]),
    forget: (image) => void call([...client, "rmi", "-f", image]),
  };
}

function works(command: readonly string[]): boolean {
  try {
    call(command);
    return true;
  } catch {
    return false;
  }
}

/** A bundle for bare `crun run`, like what the engines run: Docker's defaults, no network set-up. */
export async function buildBundle(
  place: Place,
  program: string,
): Promise<{ name: string; args: readonly string[] }[]> {
  const bundle = `${place.dir}/bundle`;
  await mkdir(`${bundle}/rootfs`, { recursive: true });
  call(["cp", program, `${bundle}/rootfs/hello`]);
  call(["crun", "spec", "--bundle", bundle]);
  const config = await Bun.file(`${bundle}/config.json`).json();
  config.process.terminal = false;
  config.process.args = ["/hello"];
  config.root.readonly = false;
  config.linux.cgroupsPath = `${place.cgroup}/crun`;
  await Bun.write(`${bundle}/config.json`, JSON.stringify(config));
  const crun = ["crun", "--root", `${place.dir}/crun`];
  const run = ["run", "--bundle", bundle, "bench"];
  return [
    { name: "crun run", args: [...crun, ...run] },
    { name: "crun, no cgroup", args: [...crun, "--cgroup-manager=disabled", ...run] },
  ];
}
