/**
 * Program: asks a daemon `/_ping` again and again until its input ends, then prints the milliseconds that each
 * answer took, the longest first. `bun pinger.ts SOCKET`. A process of its own, so that a test's work is not measured.
 */
import { argv } from "node:process";

const [socket = ""] = argv.slice(2);
const taken: number[] = [];
let ended = false;
void Bun.stdin.text().then(() => {
  ended = true;
});
while (!ended) {
  const begun = performance.now();
  await (await fetch("http://rt/_ping", { unix: socket })).text();
  taken.push(performance.now() - begun);
  await Bun.sleep(5);
}
console.log(JSON.stringify(taken.toSorted((a, b) => b - a).map(Math.round)));
