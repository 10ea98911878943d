/** What an image's config and its user files may say of a user, and what is made of its labels. */
import { beforeAll, expect, test } from "bun:test";
import type { Entry, Image } from "../../scripts/image.ts";
import { type Attempt, attempt, isSentence } from "../support/attempt.ts";
import { buildBusybox, stackOn } from "../support/images.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage({ pulled: [] });
let base: Image;
let made = 0;

beforeAll(async () => {
  base = await buildBusybox();
  // Its layers are there then for the images that stand on it.
  await stage().registry.push("library/users:base", base);
});

/** Pulls an image of this config and these entries; its name. */
async function pulled(config: Record<string, unknown>, above: Entry[] = []): Promise<string> {
  const { registry, world } = stage();
  made += 1;
  await registry.push(`library/users:${made}`, stackOn(base, above, config));
  await world.rtOutput(["pull", "-q", `users:${made}`]);
  return `users:${made}`;
}

/** The ids of a container of the image; the frames of the log around them are left out. */
async function ids(User: string, above: Entry[] = []): Promise<Attempt> {
  const Image = await pulled({ User }, above);
  const ran = await attempt(stage().daemon, {
    Image,
    Cmd: ["sh", "-c", "(id -u; id -g) 2>/dev/null"],
  });
  return { ...ran, output: ran.output.match(/[0-9]+/g)?.join("\n") ?? "" };
}

const file = (name: string, content: string | Uint8Array): Entry => ({
  name,
  mode: 0o644,
  content,
});

test("a number is never a name", async () => {
  const above = [
    file("etc/passwd", "1000:x:0:0::/:/bin/sh\n7:x:0:0::/:/bin/sh\n"),
    file("etc/group", "1000:x:0:\n7:x:0:\n"),
  ];
  for (const [user, uid, gid] of [
    ["1000", "1000", "0"],
    ["1000:1000", "1000", "1000"],
    ["7:7", "7", "7"],
  ]) {
    const { outcome, output } = await ids(user ?? "", above);
    expect([user, outcome, output]).toEqual([user, "ran", `${uid}\n${gid}`]);
  }
});

test("a user that is out of range or no number is refused, never taken for another", async () => {
  const users = [
    "-1",
    "2147483648",
    "4294967295",
    "4294967296",
    "99999999999999999999",
    "0x0",
    "1e3",
    "+0",
    "0:-1",
  ];
  for (const user of [
    ...users,
    "0:4294967296",
    "0:2147483648",
    "00000000000000000000000",
    "root:x",
    "no:0",
    "٠",
  ]) {
    const { outcome, message, output } = await ids(user);
    if (outcome === "ran")
      expect([user, output]).toEqual([user, /^0+$/.test(user) ? "0\n0" : "refused"]);
    else expect([user, message, isSentence(message)]).toEqual([user, message, true]);
  }
});

const guest = "guest:x:405:100::/:/bin/sh\n";
const padding = (bytes: number) =>
  "#"
    .repeat(79)
    .concat("\n")
    .repeat(bytes / 80);
const odd: Record<string, Partial<Entry>> = {
  pipe: { type: "fifo" },
  "endless device": { type: "character", device: { major: 1, minor: 5 } },
  terminal: { type: "character", device: { major: 5, minor: 0 } },
  directory: { type: "directory" },
  "link to a pipe": { type: "symlink", target: "/pipe" },
  "link to itself": { type: "symlink", target: "passwd" },
  "link to the host's": { type: "symlink", target: "/proc/1/root/etc/passwd" },
  "file of 11 MiB": { content: padding(11 * 2 ** 20) + guest },
  "sparse file of a TiB": { type: "sparse", hole: 2 ** 32 },
};

for (const [kind, what] of Object.entries(odd)) {
  test(`user files that are a ${kind} are read by nobody`, async () => {
    for (const name of ["etc/passwd", "etc/group"]) {
      const above: Entry[] = [
        { name: "pipe", type: "fifo" },
        { mode: 0o644, ...what, name },
      ];
      const asked = name === "etc/passwd" ? "guest" : "0:staff";
      const by = await ids(asked, above);
      expect([name, by.outcome]).toEqual([name, expect.stringMatching(/^(create|start) 4/)]);
      expect([by.message, isSentence(by.message)]).toEqual([by.message, true]);
      const number = await ids("405:100", above);
      if (number.outcome === "ran") expect([name, number.output]).toEqual([name, "405\n100"]);
      else expect([number.message, isSentence(number.message)]).toEqual([number.message, true]);
    }
  });
}

test("a user file of less than ten MiB is read to its end", async () => {
  const { output } = await ids("guest", [file("etc/passwd", padding(8 * 2 ** 20) + guest)]);
  expect(output).toBe("405\n100");
});

test("labels that are the engine's own are stripped, whoever asks", async () => {
  const reserved = ["com.docker.compose.project", "io.docker.x", "org.dockerproject.x", "rt.init"];
  const Labels = Object.fromEntries(
    [...reserved, "plain", "com.dockery"].map((name) => [name, "x"]),
  );
  const image = await pulled({ Labels });
  const { world } = stage();
  const id = await world.rtOutput(["create", image, "true"]);
  for (const name of [image, id]) {
    const shown = await world.rtOutput(["inspect", "--format", "{{json .Config.Labels}}", name]);
    expect(JSON.parse(shown)).toEqual({ plain: "x", "com.dockery": "x" });
  }
  expect(await world.rtOutput(["ps", "-aq", "--filter", "label=com.docker.compose.project"])).toBe(
    "",
  );
  await world.rtOutput(["rm", id]);
});
