/** What a pull shows on a terminal and elsewhere, and what Ctrl-C leaves. */
import { expect, test } from "bun:test";
import { buildLarge } from "../support/large-image.ts";
import { until } from "../support/until.ts";
import { honest, type Script, type WireRegistry } from "../support/wire-registry.ts";
import { useWireStage } from "../support/wire-stage.ts";
import type { World } from "../support/world.ts";

const esc = "\u001b";
const MiB = 1024 * 1024;
let world: World;
let registry: WireRegistry;

useWireStage((stage) => {
  ({ world, registry } = stage);
});

/** Sends half of each large blob, and the rest when the gate opens. */
function halting(gate: Promise<void>): Script {
  return async (request, blob, wire) => {
    if (blob.length < 1.5 * MiB) return await honest(request, blob, wire);
    const rest = wire.begin(request, blob);
    const half = Math.floor(rest.length / 2);
    await wire.send(rest.subarray(0, half), { piece: 256 * 1024, pauseMs: 50 });
    await gate;
    await wire.send(rest.subarray(half));
  };
}

/** The lines of each picture, without what steers the terminal. */
function pictures(text: string): string[][] {
  const sequences = new RegExp(`${esc}\\[[KJ]`, "g");
  const frames = text.split(new RegExp(`\r?${esc}\\[\\d+A`));
  return frames.map((frame) => frame.replace(sequences, "").split(/\r?\n/).slice(0, -1));
}

test("on a terminal each layer has a line with bar, bytes, rate and time left, and all have one", async () => {
  const gate = Promise.withResolvers<void>();
  const name = registry.serve("view/some:latest", await buildLarge([3 * MiB, 2 * MiB]));
  registry.script = halting(gate.promise);
  const pull = world.spawnRt(["pull", name], { terminal: { cols: 100, rows: 24 } });
  const at = /: Downloading +\[=+> +\] {2}[\d.]+MB\/3\.1\d*MB {2}[\d.]+[kM]?B\/s {2}\d+s/;
  await pull.prints(at);
  await pull.prints(/Total: 1\/3 +\[=+> +\] {2}[\d.]+MB\/[\d.]+MB {2}[\d.]+[kM]?B\/s {2}\d+s/);
  pull.resize(50, 4);
  const before = pull.stdout.length;
  await until("pictures of the new size", () => pictures(pull.stdout.slice(before)).length > 4);
  // The first is still of the old size perhaps.
  for (const lines of pictures(pull.stdout.slice(before)).slice(2)) {
    expect(lines.length).toBeLessThan(4);
    for (const line of lines) expect(line.length).toBeLessThan(50);
  }
  pull.resize(100, 24);
  gate.resolve();
  expect((await pull.finished()).code).toBe(0);
  await until("the last words", () => pull.stdout.endsWith(`${name}\r\n`));
  const last = pictures(pull.stdout).at(-1) ?? [];
  expect(last.map((line) => line.replace(/^[0-9a-f]{12}/, "ID"))).toEqual([
    "latest: Pulling from view/some",
    ...Array(3).fill("ID: Pull complete"),
    expect.stringMatching(/^Digest: sha256:/),
    `Status: Downloaded newer image for ${name}`,
    name,
  ]);
});

test("elsewhere there are plain lines, of what is done", async () => {
  const name = registry.serve("view/plain:latest", await buildLarge([MiB]));
  const stdout = await world.rtOutput(["pull", name]);
  expect(stdout).not.toContain("\u001b");
  expect(stdout.split("\n").map((line) => line.replace(/^[0-9a-f]{12}/, "ID"))).toEqual([
    "latest: Pulling from view/plain",
    expect.stringMatching(/^ID: (Already exists|Pull complete)$/),
    "ID: Pull complete",
    expect.stringMatching(/^Digest: sha256:/),
    `Status: Downloaded newer image for ${name}`,
    name,
  ]);
});

for (const where of ["a terminal", "no terminal"]) {
  test(`Ctrl-C on ${where} ends with 130, says what stays, and the next pull goes on by Range`, async () => {
    const never = new Promise<void>(() => undefined);
    const name = registry.serve(`view/stop-${where.length}:latest`, await buildLarge([4 * MiB]));
    registry.script = halting(never);
    const terminal = { terminal: { cols: 80, rows: 24 } };
    const pull = world.spawnRt(["pull", name], where === "a terminal" ? terminal : {});
    await until("half of it to come", () => registry.sent >= 2 * MiB);
    if (where === "a terminal") pull.write("\u0003");
    else process.kill(await world.innerPid(pull), "SIGINT");
    const words =
      "rt: pull interrupted; what has arrived is kept, and the next pull goes on from there";
    const { code, stderr } = await pull.finished();
    expect(code).toBe(130);
    if (where === "a terminal") {
      // What a terminal was given last may come after the end of who gave it.
      await until("the last words", () => pull.stdout.includes(words));
      const last = pictures(`${pull.stdout}\n`).at(-1) ?? [];
      expect(last.filter((line) => line !== "").at(-1)).toBe(words);
      expect(last.join("\n")).not.toMatch(/Downloading|Total|\[=/);
    } else expect(stderr).toBe(`${words}\n`);
    const first = registry.blobs.at(-1)?.digest;
    registry.reset();
    registry.script = honest;
    await world.rtOutput(["pull", "-q", name]);
    const again = registry.blobs.filter(({ digest }) => digest === first);
    expect(again.map(({ from }) => (from ?? 0) > MiB)).toEqual([true]);
  });
}
