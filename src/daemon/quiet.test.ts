import { expect, test } from "bun:test";
import { Quiet } from "./quiet.ts";

test("work is done once, when many requests have ended and no other has come for a while", async () => {
  let done = 0;
  const quiet = new Quiet(() => {
    done += 1;
  }, 50);
  for (let count = 0; count < 99; count++) quiet.disturb();
  await Bun.sleep(80);
  expect(done).toBe(0);
  for (let count = 0; count < 5; count++) {
    quiet.disturb();
    await Bun.sleep(20);
  }
  expect(done).toBe(0);
  await Bun.sleep(100);
  expect(done).toBe(1);
  await Bun.sleep(100);
  expect(done).toBe(1);
});
