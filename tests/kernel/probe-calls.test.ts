import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { allowed, elsewhere, recent } from "../support/golden/allowed.ts";
import { calls, expectAnswers } from "../support/golden/calls.ts";
import { type Posture, postures } from "../support/golden/posture.ts";
import { useProbe } from "../support/probe.ts";

const stage = useProbe();
const plain = postures.run as Posture;

/** Those that open a group of calls in Docker's profile, each alone. */
const openers = [
  ...["SYS_ADMIN", "SYS_PTRACE", "SYS_TIME", "SYS_BOOT", "SYS_NICE", "SYS_MODULE", "SYS_PACCT"],
  ...["SYS_RAWIO", "SYSLOG", "BPF", "PERFMON", "DAC_READ_SEARCH", "SYS_CHROOT"],
];

const table: Record<string, Posture> = {
  ...postures,
  "run --security-opt seccomp=unconfined": {
    ...plain,
    flags: ["--security-opt", "seccomp=unconfined"],
    filtered: false,
  },
  ...Object.fromEntries(
    openers.map((name) => [
      `run --cap-drop ALL --cap-add ${name}`,
      { ...plain, flags: ["--cap-drop", "ALL", "--cap-add", name], capabilities: [name] },
    ]),
  ),
};

/** The calls that did not answer as the table says. */
async function findWrong(posture: Posture): Promise<string[]> {
  const outside = stage().outside.syscalls ?? {};
  const { syscalls = {} } = await stage().find(posture, ["syscalls"]);
  return Object.entries(syscalls).flatMap(([call, found]) => {
    const expected = expectAnswers(call, posture, outside[call] ?? "");
    return expected.includes(found) ? [] : [`${call}: ${found}, not ${expected.join(" or ")}`];
  });
}

for (const [name, posture] of Object.entries(table)) {
  test(`${name}: every system call answers as in the golden table`, async () => {
    expect(await findWrong(posture)).toEqual([]);
  });
}

test("containers that start at the same time get each its own filter", async () => {
  const all = await Promise.all(
    Object.entries(table).map(async ([name, posture]) => [name, await findWrong(posture)]),
  );
  expect(all).toEqual(Object.keys(table).map((name) => [name, []]));
});

test("the golden table has every call that the probe makes", () => {
  const made = Object.keys(stage().outside.syscalls ?? {});
  // Another processor has no x32, no int 0x80 and fewer old calls.
  const known = Object.keys(calls).filter((name) => process.arch === "x64" || made.includes(name));
  expect(new Set(made)).toEqual(new Set(known));
});

interface Door {
  /** The kernel's names and numbers. */
  header: string;
  /** The last number that the profile knows. */
  last: number;
  /** What the header of an older C library lacks, beside what all doors have. */
  own: Record<string, number>;
}

const doors: Record<string, Door> = {
  native: {
    header: "unistd_64.h",
    last: 466,
    own: { uretprobe: 335, uprobe: 336, map_shadow_stack: 453 },
  },
  // Its own numbers begin at 512.
  x32: { header: "unistd_x32.h", last: 547, own: {} },
  i386: { header: "unistd_32.h", last: 466, own: { map_shadow_stack: 453 } },
};

/** The kernel's own names of its calls, which the tables of the engine were not made from. */
async function readNames({ header, own }: Door): Promise<Map<number, string>> {
  const places = ["/usr/include/x86_64-linux-gnu/asm", "/usr/include/asm"];
  const found = places.map((place) => `${place}/${header}`).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${header} is not installed: it comes with a C library`);
  const text = await Bun.file(found).text();
  const lines = text.matchAll(/^#define __NR_(\w+) \(?(?:__X32_SYSCALL_BIT \+ )?(\d+)\)?$/gm);
  const named = [...lines].map(([, name = "", number]): [number, string] => [Number(number), name]);
  const since = Object.entries({ ...recent, ...own }).map(([name, number]): [number, string] => [
    number,
    name,
  ]);
  return new Map([...named, ...since]);
}

// Another processor has other numbers; there the calls above are tried by name.
const testOnX64 = process.arch === "x64" ? test : test.skip;

testOnX64("of all numbers, those that Docker allows reach the kernel, and no others", async () => {
  const ask = async (...flags: string[]) => (await stage().run(flags, ["numbers"])).numbers ?? {};
  const [filtered, free] = [await ask(), await ask("--security-opt", "seccomp=unconfined")];
  const wrong: string[] = [];
  for (const [way, door] of Object.entries(doors)) {
    const names = await readNames(door);
    for (const [number, found] of Object.entries(filtered[way] ?? {})) {
      const name = names.get(Number(number)) ?? `number ${number}`;
      // A kernel without 32-bit programs has no such door: there is nothing to look at.
      const reached = free[way]?.[number] ?? "";
      if (elsewhere.has(name) || (way === "i386" && reached.startsWith("signal"))) continue;
      const denied = Number(number) > door.last ? "ENOSYS" : "EPERM";
      const expected = allowed.has(name) ? reached : denied;
      if (found !== expected) wrong.push(`${way} ${name}: ${found}, not ${expected}`);
    }
  }
  expect(Object.keys(filtered.native ?? {}).length).toBeGreaterThan(590);
  expect(wrong).toEqual([]);
});
