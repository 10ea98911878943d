/**
 * Malformed and hostile requests: 10,000 by default, 100,000 with RT_FULL=1. A fault names its seed and number;
 * RT_SEED=… RT_FROM=… RT_COUNT=1 sends that one again.
 */
import { expect, test } from "bun:test";
import { Campaign } from "../support/api/campaign.ts";
import { readApi } from "../support/api/operations.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const seed = Number(process.env.RT_SEED ?? 20_261_124);
const first = Number(process.env.RT_FROM ?? 0);
const count = Number(process.env.RT_COUNT ?? (process.env.RT_FULL === "1" ? 100_000 : 10_000));
const batchSize = 1000;

test(`${count} hostile requests are refused or done, and nothing else happens`, async () => {
  const { daemon } = stage();
  const campaign = new Campaign(daemon, await readApi(), seed);
  for (let from = first; from < first + count; from += batchSize) {
    await campaign.batch({ from, to: Math.min(from + batchSize, first + count) });
    expect(daemon.alive).toBe(true);
    if (campaign.faults.length > 20) break;
  }
  if (process.env.RT_SHOW === "1")
    console.log(
      Object.fromEntries(campaign.statuses),
      Math.round(campaign.slowest),
      campaign.faults.length,
    );
  expect(campaign.faults.slice(0, 20).join("\n")).toBe("");
}, 1_800_000);
