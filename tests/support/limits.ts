/** What the kernel keeps of a container's limits, read from the host's cgroup files. */
import { readFile } from "node:fs/promises";
import type { World } from "./world.ts";

/** The first of `files` that a cgroup of the running container has, whatever the version. */
export async function limitOf(world: World, id: string, files: string[]): Promise<string> {
  const full = await world.rtOutput(["inspect", "-f", "{{.Id}} {{.State.Pid}}", id]);
  const [name = "", pid = ""] = full.split(" ");
  const { stdout } = await world.run(["cat", `/proc/${pid}/cgroup`]);
  const roots = await mountPoints();
  for (const line of stdout.split("\n").filter((each) => each.includes(name))) {
    const path = line.split(":").slice(2).join(":");
    for (const root of roots) {
      for (const file of files) {
        const value = await readFile(`${root}${path}/${file}`, "utf8").catch(() => undefined);
        if (value !== undefined) return value.trim();
      }
    }
  }
  throw new Error(`no ${files.join(" or ")} for ${stdout}`);
}

async function mountPoints(): Promise<string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return lines.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(" ")[4] ?? "");
}
