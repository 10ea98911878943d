import { join } from "node:path";

/** Where a container's files are. `data` outlives a reboot, `run` need not. */
export interface ContainerPaths {
  data: string;
  upper: string;
  work: string;
  /** The current file of the driver json-file, and of the driver local with its directory. */
  log: string;
  localLogs: string;
  localLog: string;
  exitRecord: string;
  hosts: string;
  hostname: string;
  resolvConf: string;
  run: string;
  spareExitRecord: string;
  socket: string;
  /** What its resolver reads. */
  names: string;
}

export function containerPaths(dataRoot: string, runRoot: string, id: string): ContainerPaths {
  const data = join(dataRoot, "containers", id);
  // 128 bits of the id keep the socket's path inside sockaddr_un.
  const run = join(runRoot, "c", id.slice(0, 32));
  return {
    data,
    upper: join(data, "upper"),
    work: join(data, "work"),
    log: join(data, `${id}-json.log`),
    localLogs: join(data, "local-logs"),
    localLog: join(data, "local-logs", "container.log"),
    exitRecord: join(data, "exit.json"),
    hosts: join(data, "hosts"),
    hostname: join(data, "hostname"),
    resolvConf: join(data, "resolv.conf"),
    run,
    spareExitRecord: join(run, "exit.json"),
    socket: join(run, "monitor.sock"),
    names: join(run, "names"),
  };
}

/** Where the log of a driver is written. */
export function logPath(paths: ContainerPaths, driver: string | undefined): string {
  return driver === "local" ? paths.localLog : paths.log;
}
