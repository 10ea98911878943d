/** Docker's SDK for Python against this engine, by what its users do: one function of sdk/user.py a test. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const installed = resolve(import.meta.dir, "../../dist/sdk");
const python = resolve(installed, "bin/python");
const program = resolve(import.meta.dir, "sdk/user.py");

const deeds = {
  run: "containers are run, and failures told",
  exec_output: "all output of an exec arrives, and its exit code",
  exec_terminal: "execs with a terminal are framed as their start says, and let go by keys",
  attach_and_logs: "input and output of a container, and its logs",
  life: "containers are renamed, paused, measured, changed, restarted and removed",
  files: "files go in and come out",
  networks: "networks with addresses and names, and no swarm",
  ports: "a published port is reached",
  volumes: "volumes keep data",
  images: "images are tagged, saved, loaded, looked up and committed",
  events: "what happened is told",
};

for (const [deed, words] of Object.entries(deeds)) {
  testIf(
    existsSync(resolve(installed, ".installed")),
    "the SDK is not installed: run ./scripts/setup.sh --tests",
  )(words, async () => {
    const { world } = stage();
    const env = { DOCKER_HOST: `unix://${world.socket}`, PYTHONDONTWRITEBYTECODE: "1" };
    const { code, stdout, stderr } = await world.run([python, program, deed], { env });
    if (code !== 0) throw new Error(`${deed} failed:\n${stdout}${stderr}`);
  });
}
