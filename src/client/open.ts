import { env } from "../env.ts";
import { defaultHost, parseHost } from "./address.ts";
import { Engine } from "./engine.ts";
import { Transport } from "./transport.ts";

/**
 * The engine that the user means: `host` (from -H), else RT_HOST or DOCKER_HOST, else the default
 * socket, behind which a daemon is started when none answers.
 */
export function openEngine(host: string | undefined): Engine {
  const named = host ?? env.host();
  if (named !== undefined) return new Engine(new Transport(parseHost(named)));
  const address = parseHost(defaultHost);
  const start = async () => {
    const { startDaemon } = await import("./autostart.ts");
    await startDaemon(address);
    return true;
  };
  return new Engine(new Transport(address, start));
}
