/** One container by the raw API, from create to remove: what it said, or the sentence that refused it. */
import type { Daemon } from "./daemon.ts";
import { messageOf } from "./json.ts";

export interface Attempt {
  /** "create 400" … when it was refused; "ran" otherwise. */
  outcome: string;
  /** The refusal. */
  message: string;
  /** All it printed, with the frames of the log. */
  output: string;
  code?: number;
}

/** No single request may take longer, whatever the image holds. */
const patience = 20_000;

export async function attempt(
  daemon: Daemon,
  body: object,
  meanwhile: (id: string) => Promise<string> = async () => "",
): Promise<Attempt> {
  const created = await post(daemon, "/containers/create", body);
  if (created.status !== 201) return await refusal("create", created);
  const { Id: id } = (await created.json()) as { Id: string };
  try {
    const started = await post(daemon, `/containers/${id}/start`);
    const seen = await meanwhile(id);
    if (started.status !== 204) {
      const refused = await refusal("start", started);
      return { ...refused, output: seen };
    }
    const waited = await post(daemon, `/containers/${id}/wait`);
    const { StatusCode: code } = (await waited.json()) as { StatusCode: number };
    const logs = await get(daemon, `/containers/${id}/logs?stdout=1&stderr=1`);
    return { outcome: "ran", message: "", output: seen + (await logs.text()), code };
  } finally {
    await request(daemon, `/containers/${id}?force=1&v=1`, { method: "DELETE" });
  }
}

export async function post(daemon: Daemon, path: string, body?: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) };
  return await request(daemon, path, { method: "POST", ...sent });
}

export async function get(daemon: Daemon, path: string): Promise<Response> {
  return await request(daemon, path, {});
}

export async function request(daemon: Daemon, path: string, init: RequestInit): Promise<Response> {
  return await daemon.request(path, { ...init, signal: AbortSignal.timeout(patience) });
}

async function refusal(step: string, reply: Response): Promise<Attempt> {
  const message = await messageOf(reply);
  return { outcome: `${step} ${reply.status}`, message, output: "" };
}

/** What an error may look like: one printable sentence of bounded length, without traces of our own failure. */
export function isSentence(message: string): boolean {
  return (
    /^[\x20-\x7e\u00a0-\ud7ff\ue000-\uffff]{8,600}$/.test(message) &&
    !/undefined|\[object|\bnull\b(?! device)|panicked|\n|internal error/i.test(
      message.replaceAll("/dev/null", ""),
    )
  );
}
