/**
 * A container with one hostile setting: what create takes, start must do or refuse in words. 600 settings by
 * default, 10,000 with RT_FULL=1; RT_SEED, RT_FROM and RT_COUNT as in api.test.ts.
 */
import { expect, test } from "bun:test";
import { BodyMaker } from "../support/api/body.ts";
import { Connection } from "../support/api/connection.ts";
import { findFault } from "../support/api/judge.ts";
import { readApi } from "../support/api/operations.ts";
import { Random } from "../support/api/random.ts";
import { buildRequest } from "../support/api/request.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const seed = Number(process.env.RT_SEED ?? 20_261_124);
const first = Number(process.env.RT_FROM ?? 0);
const count = Number(process.env.RT_COUNT ?? (process.env.RT_FULL === "1" ? 10_000 : 600));
const patience = 15_000;

test(`${count} containers with one hostile setting each start, or are refused in words`, async () => {
  const { daemon } = stage();
  const api = await readApi();
  const faults: string[] = [];
  let next = first;
  let started = 0;

  async function ask(method: string, target: string, body?: Uint8Array) {
    using connection = await Connection.open(daemon.socket);
    const bytes = buildRequest({ method, target, body });
    connection.send(bytes);
    const answer = await connection.answer(method, patience);
    if (typeof answer !== "object") return { status: 0, id: "", fault: `answer: ${answer}` };
    const fault = findFault({ method, path: target }, answer);
    const text = answer.body.toString("utf8");
    const id = answer.status === 201 ? (JSON.parse(text) as { Id: string }).Id : "";
    return { status: answer.status, id, fault };
  }

  async function work(): Promise<void> {
    while (next < first + count) {
      const index = next++;
      const { field, body } = new BodyMaker(api, new Random(seed, index)).makeCreate();
      const note = (step: string, fault: string | undefined): void => {
        if (fault === undefined) return;
        const shown = Buffer.from(body.subarray(0, 500)).toString("utf8");
        faults.push(`seed ${seed}, setting ${index} (${field}), ${step}: ${fault}\n    ${shown}`);
      };
      const created = await ask("POST", "/containers/create", body);
      note("create", created.fault);
      if (created.id === "") continue;
      const start = await ask("POST", `/containers/${created.id}/start`);
      note("start", start.fault);
      if (start.status === 204) started += 1;
      const removed = await ask("DELETE", `/containers/${created.id}?force=1&v=1`);
      if (removed.status !== 404 && removed.status !== 409) note("remove", removed.fault);
    }
  }

  await Promise.all(Array.from({ length: 4 }, work));
  expect(faults.slice(0, 40).join("\n")).toBe("");
  expect(started).toBeGreaterThan(count / 20);
  expect(await daemon.json<object[]>("/containers/json?all=1")).toEqual([]);
}, 1_800_000);
