import { expect, test } from "bun:test";
import { type CommandEntry, isGroup } from "../cli/command.ts";
import { buildBash, buildFish, buildZsh, readWords } from "../cli/completion.ts";
import { commands } from "./table.ts";

const entries: [string, CommandEntry][] = Object.entries(commands).flatMap(([name, entry]) =>
  isGroup(entry)
    ? Object.entries(entry.commands).map(([inner, command]): [string, CommandEntry] => [
        `${name} ${inner}`,
        command,
      ])
    : [[name, entry]],
);

for (const [name, entry] of entries) {
  test(`the flags of ${name} do not collide`, async () => {
    const command = await entry.load();
    const flags = Object.entries(command.flags);
    const spelled = flags
      .flatMap(([long, { short, alias }]) => [long, short, alias])
      .filter(Boolean);
    expect(new Set(spelled).size).toBe(spelled.length);
    expect(command.summary).not.toBe("");
    for (const [, flag] of flags) expect(flag.summary).not.toBe("");
  });
}

/** What bash offers for the last of the words; `engine` stands in for the program that is completed. */
async function complete(words: string[], engine = ""): Promise<string[]> {
  const script = buildBash("rt", await readWords(commands));
  const list = words.map((word) => `"${word}"`).join(" ");
  const check = `${script}\n${engine}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _rt; echo "\${COMPREPLY[@]}"`;
  const bash = Bun.spawn(["bash", "-c", check], { stdout: "pipe", stderr: "pipe" });
  expect(await bash.stderr.text()).toBe("");
  return (await bash.stdout.text()).trim().split(" ");
}

test("bash takes the completion script, and completes commands, flags and choices", async () => {
  expect(await complete(["rt", "imag"])).toEqual(["images", "image"]);
  expect(await complete(["rt", "container", "st"])).toEqual(["start", "stats", "stop"]);
  expect(await complete(["rt", "ps", "--no"])).toEqual(["--no-trunc"]);
  expect(await complete(["rt", "run", "--pull", "ne"])).toEqual(["never", "newer"]);
});

test("bash completes names of what there is, also as the value of a flag", async () => {
  const engine = "rt() { case $1 in network) echo front back;; ps) echo web;; esac; }";
  expect(await complete(["rt", "network", "rm", ""], engine)).toEqual(["front", "back"]);
  const both = await complete(["rt", "network", "connect", ""], engine);
  expect(both).toEqual(["front", "back", "web"]);
  expect(await complete(["rt", "run", "--network", "f"], engine)).toEqual(["front"]);
});

test("zsh and fish get every command", async () => {
  const words = await readWords(commands);
  for (const script of [buildZsh("rt", words), buildFish("rt", words)]) {
    for (const name of Object.keys(commands)) expect(script).toContain(name);
  }
});
