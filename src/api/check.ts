/** Wire types of POST /rt/check, a route of this engine's own. Types only. */

/** Something of the store that is not as it should be. */
export interface CheckProblem {
  kind: "layer" | "blob";
  digest: string;
  /** Names or ids of the images that need it. */
  images: string[];
  problem: "missing" | "truncated" | "changed";
  detail: string;
  /** It was damaged and is whole again. */
  repaired: boolean;
  /** Why it could not be repaired. */
  error?: string;
}

/** One line of the answer; the last has the summary, or an error as of a pull. */
export interface CheckMessage {
  /** What is being looked at. */
  status?: string;
  id?: string;
  problem?: CheckProblem;
  /** `unproved`: trees that were not compared, since no blob of theirs is here. */
  summary?: { layers: number; blobs: number; unproved: number; problems: number; repaired: number };
  error?: string;
}
