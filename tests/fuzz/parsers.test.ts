/**
 * The targets of targets.ts over the saved corpus and over what seeded mutations make of it: a fixed number of rounds,
 * `RT_FUZZ_ROUNDS` of them, or fifty times as many with `RT_FULL=1`; `RT_FUZZ_SEED=NUMBER` makes others.
 * `RT_FUZZ_INPUT=FILE` runs one input alone.
 */
import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { digestOf } from "../../src/oci/digest.ts";
import { mutateBytes, mutateJson, Random } from "./mutate.ts";
import { type Target, targets } from "./targets.ts";

const corpus = `${import.meta.dir}/corpus`;
const crashes = `${tmpdir()}/rt-parser-crashes`;
/** Milliseconds of a processor for one input: what takes long for a short one is a way to stop the daemon. */
const patience = 2000;

function rounds(usual: number): number {
  const asked = Number(process.env.RT_FUZZ_ROUNDS ?? "0");
  return asked > 0 ? asked : usual * (process.env.RT_FULL === "1" ? 50 : 1);
}

/** The saved seeds of a target. */
async function seedsOf(name: string): Promise<Buffer[]> {
  const files = await readdir(`${corpus}/${name}`);
  return await Promise.all(files.sort().map((file) => readFile(`${corpus}/${name}/${file}`)));
}

/** What fails is kept, and named in the failure. */
async function check(name: string, target: Target, bytes: Uint8Array): Promise<void> {
  const from = process.cpuUsage();
  try {
    await target(bytes);
    const { user, system } = process.cpuUsage(from);
    const took = Math.round((user + system) / 1000);
    if (took > patience) throw new Error(`took ${took} ms`);
  } catch (cause) {
    await mkdir(crashes, { recursive: true });
    const file = `${crashes}/${name}-${digestOf(bytes).slice(7, 23)}`;
    await writeFile(file, bytes);
    throw new Error(`${name} fails for ${file}; RT_FUZZ_INPUT=${file} runs it alone`, { cause });
  }
}

const usual: Record<keyof typeof targets, number> = {
  ...{ reference: 20_000, manifest: 8_000, config: 8_000, digest: 10_000 },
  ...{ platform: 10_000, challenge: 10_000, archive: 600 },
};

for (const [name, target] of Object.entries(targets) as [keyof typeof targets, Target][]) {
  test(`${name}: any bytes are read as what they say or refused in a sentence`, async () => {
    if (process.env.RT_FUZZ_INPUT) return await target(await readFile(process.env.RT_FUZZ_INPUT));
    const seeds = await seedsOf(name);
    expect(seeds.length).toBeGreaterThan(2);
    for (const seed of seeds) await check(name, target, seed);
    const random = new Random(Number(process.env.RT_FUZZ_SEED ?? 0x5eed));
    const mutate = name === "manifest" || name === "config" ? mutateJson : mutateBytes;
    for (let round = rounds(usual[name]); round > 0; round--) {
      await check(name, target, mutate(random.of(seeds) ?? Buffer.of(), seeds, random));
    }
  }, 3_600_000);
}
