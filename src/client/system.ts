import type { CheckMessage } from "../api/check.ts";
import { routes } from "../api/routes.ts";
import type { SystemUsage } from "../api/usage.ts";
import { readJsonStream } from "./json-stream.ts";
import type { Transport } from "./transport.ts";

/** What is asked of the engine as a whole. */
export class SystemClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** What is found, as it is found. */
  async *check(options: { quick: boolean; repair: boolean }): AsyncGenerator<CheckMessage> {
    const query = { quick: options.quick || undefined, repair: options.repair || undefined };
    const reply = await this.#transport.request(routes.systemCheck, { query });
    yield* readJsonStream<CheckMessage>(reply.body);
  }

  async usage(verbose: boolean): Promise<SystemUsage> {
    const query = { verbose: verbose || undefined };
    const reply = await this.#transport.request(routes.systemUsage, { query });
    return JSON.parse(await reply.body.text());
  }
}
