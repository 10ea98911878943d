/** What the default isolation costs: a start and a system call, beside the same without it. */
import { call } from "./command.ts";
import { busybox, type Running } from "./running.ts";
import { formatTable, quantile } from "./timing.ts";

/** Flags of a run that is compared, and what its difference may be at most, in milliseconds. */
interface Pair {
  name: string;
  flags: readonly string[];
  against: readonly string[];
  script: string;
  most: number;
}

const unfiltered = ["--security-opt", "seccomp=unconfined"];
const calls = 1_000_000;

const pairs: Pair[] = [
  { name: "run ÷ --privileged", flags: [], against: ["--privileged"], script: "true", most: 2 },
  { name: "run ÷ seccomp=unconfined", flags: [], against: unfiltered, script: "true", most: 1 },
  {
    name: `${calls} reads and writes ÷ seccomp=unconfined`,
    flags: [],
    against: unfiltered,
    script: `dd if=/dev/zero of=/dev/null bs=1 count=${calls} 2>/dev/null`,
    // 50 ns each: the kernel's own, for a look at the bitmap of what is always allowed.
    most: (2 * calls * 50) / 1e6,
  },
];

/** Both of a pair in every round, one after the other and in turn first: what counts is the difference. */
export async function benchIsolation({ engines, rounds }: Running): Promise<void> {
  const rt = engines.find(({ name }) => name === "rt");
  if (rt === undefined) return;
  const time = (flags: readonly string[], script: string): number => {
    const from = Bun.nanoseconds();
    call([...rt.client, "run", "--rm", "--network", "none", ...flags, busybox, "sh", "-c", script]);
    return (Bun.nanoseconds() - from) / 1e6;
  };
  const rows = [["", "median", "without", "difference ms", "p10–p90", "at most"]];
  for (const { name, flags, against, script, most } of pairs) {
    const took: [number, number][] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const first = time(round % 2 === 0 ? flags : against, script);
      const second = time(round % 2 === 0 ? against : flags, script);
      if (round > 0) took.push(round % 2 === 0 ? [first, second] : [second, first]);
    }
    const sorted = (of: (pair: [number, number]) => number) =>
      took.map(of).sort((one, other) => one - other);
    const differences = sorted(([own, other]) => own - other);
    const difference = quantile(differences, 0.5);
    rows.push([
      name,
      quantile(
        sorted(([own]) => own),
        0.5,
      ).toFixed(2),
      quantile(
        sorted(([, other]) => other),
        0.5,
      ).toFixed(2),
      difference.toFixed(2),
      `${quantile(differences, 0.1).toFixed(2)}–${quantile(differences, 0.9).toFixed(2)}`,
      `${most} ${difference <= most ? "reached" : "MISSED"}`,
    ]);
  }
  console.log(`\nThe cost of isolation, medians in ms\n${formatTable(rows)}`);
}
