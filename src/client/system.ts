import { routes } from "../api/routes.ts";
import type { SystemUsage } from "../api/usage.ts";
import type { Transport } from "./transport.ts";

/** What is asked of the engine as a whole. */
export class SystemClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async usage(verbose: boolean): Promise<SystemUsage> {
    const query = { verbose: verbose || undefined };
    const reply = await this.#transport.request(routes.systemUsage, { query });
    return JSON.parse(await reply.body.text());
  }
}
