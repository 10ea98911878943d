import type { Log } from "../../log.ts";
import type { Peer } from "./peer.ts";
import { pathOf } from "./target.ts";

/** Lines that may come at once, and how many a second are added to what is left of them. */
const burst = 1000;
const perSecond = 10;

/**
 * Says who has asked for what, once it is answered: what changes something at `info`, all else at
 * `debug`. Bounded, so that a client cannot fill the disk that the log is on: what is left out is counted.
 */
export class Audit {
  readonly #log: Log;
  #tokens = burst;
  #since = performance.now();
  #left = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  request(peer: Peer, method: string, target: string, status: number): void {
    const line = `${method} ${pathOf(target)} ${status || "broken off"} by ${peer.name}`;
    if (method === "GET" || method === "HEAD") this.#log.debug(line);
    else if (this.#mayWrite()) this.#log.info(line);
  }

  #mayWrite(): boolean {
    const now = performance.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#since) / 1000) * perSecond);
    this.#since = now;
    if (this.#tokens < 1) {
      this.#left++;
      return false;
    }
    this.#tokens--;
    if (this.#left > 0)
      this.#log.warn(`${this.#left} requests were not logged: there are too many`);
    this.#left = 0;
    return true;
  }
}
