/** Commands of the benchmark. They run synchronously: nothing else is to happen while one is timed. */

export interface CommandOptions {
  env?: Record<string, string>;
}

/** Runs a command that must succeed; its stdout. */
export function call(command: readonly string[], options: CommandOptions = {}): string {
  const ran = Bun.spawnSync([...command], {
    env: { ...basicEnv(), ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  if (ran.exitCode !== 0) {
    const said = ran.stderr.toString().trim().split("\n").slice(-3).join(" / ");
    throw new Error(`${command.join(" ")} exited with ${ran.exitCode}: ${said}`);
  }
  return ran.stdout.toString();
}

export function basicEnv(): Record<string, string> {
  return { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/root", LANG: "C.UTF-8" };
}

/** A server that runs until the benchmark ends. */
export interface Server {
  pid: number;
  stop(): Promise<void>;
}

/** Starts a server and waits until `ready`; throws with its last words when it ends before. */
export async function serve(
  command: readonly string[],
  log: string,
  ready: () => boolean | Promise<boolean>,
): Promise<Server> {
  const child = Bun.spawn([...command], {
    env: basicEnv(),
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(`${log}.err`),
  });
  const deadline = performance.now() + 60_000;
  while (!(await ready())) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill("SIGKILL");
      const said = (await Bun.file(`${log}.err`).text()).trim().split("\n").slice(-2).join(" / ");
      throw new Error(`${command[0]} is not ready: ${said}`);
    }
    await Bun.sleep(20);
  }
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
  };
  return { pid: child.pid, stop };
}
