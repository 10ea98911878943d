import type { RouteName } from "../../api/routes.ts";
import type { Log } from "../../log.ts";
import type { RequestHead } from "./head.ts";
import type { Peer } from "./peer.ts";
import { pathOf } from "./target.ts";

/** Routes that change nothing, for all their method: a terminal is resized often, a wait only waits. */
const changeless: ReadonlySet<RouteName | undefined> = new Set<RouteName>([
  "containerWait",
  "containerResize",
  "execResize",
]);

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

  /** `route` is undefined for what is none. */
  request(peer: Peer, head: RequestHead, route: RouteName | undefined, status: number): void {
    const line = `${head.method} ${pathOf(head.target)} ${status || "broken off"} by ${peer.name}`;
    const changes = head.method !== "GET" && head.method !== "HEAD" && !changeless.has(route);
    if (!changes) this.#log.debug(line);
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
