/** Rounds, medians and tables. */

/** Something to be timed once per round. */
export interface Subject {
  name: string;
  /** Not timed. */
  before?: () => Promise<void> | void;
  run: () => Promise<void> | void;
  /** Not timed. */
  after?: () => Promise<void> | void;
}

/** Sorted milliseconds by subject. */
export type Results = Map<string, number[]>;

/**
 * Times all subjects once per round, one after the other, so that whatever slows the machine for a
 * while slows them all; each round begins with another subject. The first round is not counted.
 */
export async function measure(subjects: readonly Subject[], rounds: number): Promise<Results> {
  const results: Results = new Map(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (let at = 0; at < subjects.length; at += 1) {
      const subject = subjects[(at + round) % subjects.length];
      if (subject === undefined) continue;
      await subject.before?.();
      const from = Bun.nanoseconds();
      await subject.run();
      const took = (Bun.nanoseconds() - from) / 1e6;
      await subject.after?.();
      if (round > 0) results.get(subject.name)?.push(took);
    }
  }
  for (const times of results.values()) times.sort((a, b) => a - b);
  return results;
}

/** The value below which a share `at` of the sorted times lies. */
export function quantile(times: readonly number[], at: number): number {
  const place = (times.length - 1) * at;
  const low = times[Math.floor(place)] ?? Number.NaN;
  const high = times[Math.ceil(place)] ?? Number.NaN;
  return low + (high - low) * (place - Math.floor(place));
}

export function median(results: Results, name: string): number | undefined {
  const times = results.get(name);
  return times === undefined || times.length === 0 ? undefined : quantile(times, 0.5);
}

/** One line per subject: median, spread, and how many times each of `beside` fits into it. */
export function formatResults(results: Results, beside: readonly string[]): string {
  const columns = beside.filter((name) => results.has(name));
  const rows = [["", "median", "p10–p90 ms", ...columns.map((name) => `÷ ${name}`)]];
  for (const [name, times] of results) {
    const own = quantile(times, 0.5);
    rows.push([
      name,
      own.toFixed(2),
      `${quantile(times, 0.1).toFixed(2)}–${quantile(times, 0.9).toFixed(2)}`,
      ...columns.map((other) => (own / (median(results, other) ?? Number.NaN)).toFixed(2)),
    ]);
  }
  return formatTable(rows);
}

/** The first column to the left, all others to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => (row[at] ?? "").length)),
  );
  const cell = (text: string, at: number) =>
    at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0);
  return rows.map((row) => `  ${row.map(cell).join("   ").trimEnd()}`).join("\n");
}

/** A goal as a ratio of two medians, and whether it is reached; undefined when one was not measured. */
export function judge(
  results: Results,
  name: string,
  by: string,
  most: number,
): string | undefined {
  const [own, other] = [median(results, name), median(results, by)];
  if (own === undefined || other === undefined) return undefined;
  const ratio = own / other;
  const goal = most < 0.5 ? `1/${Math.round(1 / most)}` : `${most}`;
  const shown = ratio < 0.5 ? `1/${(1 / ratio).toFixed(1)}` : ratio.toFixed(2);
  return `  ${ratio <= most ? "reached" : "MISSED "}  ${name} ÷ ${by} = ${shown}, goal ≤ ${goal}`;
}
