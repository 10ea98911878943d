import { EngineError } from "../../errors.ts";

/** What this engine answers on a part of Docker's API that it has not. */
interface Absence {
  /** Of a request's method and path. */
  pattern: RegExp;
  answer: () => EngineError;
}

const notInSwarm = (words: string) => (): EngineError => new EngineError("unavailable", words);
const notBuilt = (what: string) => (): EngineError =>
  new EngineError("not_implemented", `${what} not supported by this engine`);

/**
 * Of swarms, the answers of a node that is in none, which this one is: clients ask to find that out, and leave
 * a swarm when they are done whether they are in it or not.
 */
const absences: Absence[] = [
  { pattern: /^POST \/swarm\/(init|join)$/, answer: notBuilt("swarms are") },
  {
    pattern: /^POST \/swarm\/(leave|unlock)$/,
    answer: notInSwarm("This node is not part of a swarm"),
  },
  {
    pattern: /^\w+ \/(swarm|nodes|services|tasks|secrets|configs)(\/|$)/,
    answer: notInSwarm(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    ),
  },
  { pattern: /^POST \/build$/, answer: notBuilt("building images is") },
  { pattern: /^POST \/(session|grpc)$/, answer: notBuilt("building images is") },
  { pattern: /^\w+ \/plugins\//, answer: notBuilt("plugins are") },
  { pattern: /^GET \/images\/search$/, answer: notBuilt("searching registries is") },
  {
    pattern: /^GET \/containers\/[^/]+\/attach\/ws$/,
    answer: notBuilt("attaching by WebSocket is"),
  },
];

/** The answer on an operation of Docker's that is not in the table of routes; undefined for any other. */
export function absenceOf(method: string, path: string): EngineError | undefined {
  const asked = `${method} ${path}`;
  return absences.find(({ pattern }) => pattern.test(asked))?.answer();
}
