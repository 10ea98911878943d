import type { Engine } from "../../client/engine.ts";

/**
 * What a process can be sent on purpose; not those that a runtime keeps for itself (CHLD, PIPE, URG,
 * WINCH, and USR2's neighbours that the JavaScript engine stops its threads with).
 */
const proxied = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
] as const;

/** From now on signals to this process are sent to the container instead. */
export function proxySignals(engine: Engine, id: string): void {
  for (const name of proxied) {
    process.on(name, () => {
      // It may not run yet, or no more: then nobody is there to be told.
      engine.killContainer(id, name).catch(() => {});
    });
  }
}
