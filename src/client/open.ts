import { env } from "../env.ts";
import { defaultHost, parseHost } from "./address.ts";
import { Engine } from "./engine.ts";
import type { TlsFlags, TlsSettings } from "./tls.ts";
import { Transport } from "./transport.ts";

/** What the command line says about the engine to talk to. */
export interface EngineChoice {
  /** From -H. */
  host: string | undefined;
  tls: TlsFlags;
}

/**
 * The engine that the user means: the one of -H, else of RT_HOST or DOCKER_HOST, else the default
 * socket, behind which a daemon is started when none answers.
 */
export function openEngine({ host, tls }: EngineChoice): Engine {
  const named = host ?? env.host();
  if (named !== undefined) return new Engine(new Transport(parseHost(named, tlsOf(tls))));
  const address = parseHost(defaultHost);
  const start = async () => {
    const { startDaemon } = await import("./autostart.ts");
    await startDaemon(address);
    return true;
  };
  return new Engine(new Transport(address, start));
}

/** As Docker's client: any mention of --tlsverify turns TLS on, even =false, which only ends the verifying. */
function tlsOf(flags: TlsFlags): (() => Promise<TlsSettings>) | undefined {
  const wanted = (flags.tls ?? env.tls()) || flags.tlsverify !== undefined || env.tlsVerify();
  if (!wanted) return undefined;
  return async () => {
    const { readTls } = await import("./tls.ts");
    return await readTls(flags);
  };
}
