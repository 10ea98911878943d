import { expect } from "bun:test";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const test = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");

async function docker(...args: string[]): Promise<string> {
  const ran = await stage().world.docker(args);
  if (ran.code !== 0)
    throw new Error(`docker ${args.join(" ")} exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

/** What both print when no age ("1 second ago") has turned between them: `ours` is the same before and after. */
async function atOneAge(theirs: () => Promise<string>, ours: () => Promise<string>) {
  for (let before = await ours(); ; ) {
    const [printed, after] = [await theirs(), await ours()];
    if (before === after) return [printed, after];
    before = after;
  }
}

test("docker system df, and in detail, prints what rt prints", async () => {
  const { world } = stage();
  await docker("run", "--name", "one", "-v", "vol:/v", "busybox", "sh", "-c", "echo x >/v/f");
  for (const flags of [[], ["--format", "json"], ["-v"], ["-v", "--format", "{{json .Volumes}}"]]) {
    const command = ["system", "df", ...flags];
    const [theirs, ours] = await atOneAge(
      () => docker(...command),
      async () => (await world.rtOutput(command)).trimEnd(),
    );
    expect(theirs).toBe(ours);
  }
  await docker("rm", "one");
  await docker("volume", "rm", "vol");
});

test("docker image prune and system prune, in the words of Docker", async () => {
  const { world } = stage();
  await docker("tag", "busybox", "again");
  await world.rtOutput(["rmi", "busybox"]);
  expect(await docker("image", "prune", "-f")).toBe("Total reclaimed space: 0B");
  const id = await docker("create", "-v", "/data", "again");
  expect(await docker("image", "prune", "-af")).toBe("Total reclaimed space: 0B");
  const pruned = await docker("system", "prune", "-af", "--volumes");
  expect(pruned).toStartWith(`Deleted Containers:\n${id}\n\nDeleted Volumes:\n`);
  expect(pruned).toMatch(
    /\nDeleted Images:\nuntagged: again:latest\n(untagged: .*\n)?deleted: sha256:[0-9a-f]{64}\ndeleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: [\d.]+MB$/,
  );
  expect(await docker("images", "-q")).toBe("");
});
