import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

test("process 1 is rt's own init, with nothing open but the streams", async () => {
  const { world } = stage();
  const script = "ps -o pid,args; sleep 1000";
  const name = ["--name", "inited"];
  await world.rtOutput(["run", "-d", "--init", ...name, "busybox", "sh", "-c", script]);
  const shown = await until("the list of processes", async () => {
    const { stdout } = await world.rt(["logs", "inited"]);
    return stdout.includes("ps -o") ? stdout : undefined;
  });
  expect(shown).toMatch(/^ +1 rt-init *$/m);
  const pid = await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", "inited"]);
  expect((await world.run(["ls", `/proc/${pid}/fd`])).stdout).toBe("0\n1\n2\n");
  await world.rtOutput(["rm", "-f", "inited"]);
});

test("it passes signals on, and ends as the program ends", async () => {
  const { world } = stage();
  for (const [signal, trap, code] of [
    ["USR1", "trap 'exit 7' USR1;", "7"],
    ["TERM", "", "143"],
    ["HUP", "trap 'exit 9' HUP;", "9"],
    ["RTMIN+3", "trap 'exit 11' RTMIN+3 37;", "11"],
  ] as const) {
    const script = `${trap} echo ready; while :; do sleep 0.05; done`;
    const args = ["run", "-d", "--init", "busybox", "sh", "-c", script];
    const id = await world.rtOutput(args);
    await until("the program", async () => (await world.rt(["logs", id])).stdout !== "");
    await world.rtOutput(["kill", "-s", signal, id]);
    expect(await world.rtOutput(["wait", id])).toBe(code);
    await world.rtOutput(["rm", id]);
  }
});

test("it reaps what is orphaned", async () => {
  // As long as one of them is there, be it that nobody waits for it.
  const script =
    "(sleep 0.1 & sleep 0.1 &); while ps -o comm | grep -q '^sleep'; do usleep 20000; done; echo reaped";
  expect((await stage().sh(script, ["--init"])).stdout).toBe("reaped\n");
});
