/** What publishing costs does not depend on how many ports there are. */
import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const rounds = 9;
/** Ports are taken beside the launch: on a machine that is busy with other things there is no beside. */
const tries = 8;

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Milliseconds from the request to start a container with ports until its answer. */
async function start(ports: number, first: number): Promise<number> {
  const { world, daemon } = stage();
  const range = `${first}-${first + ports - 1}`;
  const create = ["create", "-p", `${range}:${range}`, "busybox", "sleep", "1000"];
  const id = await world.rtOutput(create);
  // The monitor that a start takes is prepared behind the answer of the one before.
  await Bun.sleep(100);
  const begun = performance.now();
  const reply = await daemon.post(`/containers/${id}/start`);
  const took = performance.now() - begun;
  expect(reply.status).toBe(204);
  await world.rtOutput(["rm", "-f", id]);
  return took;
}

/** How many times the start with one port a start with 200 takes, measured in turn. */
async function compare(): Promise<number> {
  const one: number[] = [];
  const many: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    one.push(await start(1, 9000));
    many.push(await start(200, 9000));
  }
  return median(many) / median(one);
}

test("a container with 200 published ports starts in 1.2 times the time of one with one port", async () => {
  await start(1, 9000);
  let ratio = await compare();
  for (let again = 1; again < tries && ratio > 1.2; again += 1)
    ratio = Math.min(ratio, await compare());
  expect(ratio).toBeLessThanOrEqual(1.2);
}, 180_000);
