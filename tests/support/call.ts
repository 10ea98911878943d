/** Requests to the stage's daemon by JSON. */
import type { Stage } from "./stage.ts";

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it says what it is.
  body: any;
}

export type Call = (method: string, path: string, body?: unknown) => Promise<Answer>;

export function createCall(stage: () => Pick<Stage, "world">): Call {
  return async (method, path, body) => {
    const headers = { "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body), headers };
    const reply = await stage()
      .world.daemonAlive()
      .request(path, { method, ...sent });
    const text = await reply.text();
    return { status: reply.status, body: text === "" ? undefined : JSON.parse(text) };
  };
}
