import { randomBytes, randomInt } from "node:crypto";
import { EngineError } from "../../errors.ts";

/** 64 hex digits that are never all decimal in their first twelve, so that no short id reads as a number. */
export function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (!/^\d{12}/.test(id)) return id;
  }
}

const adjectives = [
  "amber",
  "bold",
  "brisk",
  "calm",
  "clever",
  "crisp",
  "eager",
  "fair",
  "fleet",
  "frosty",
  "gentle",
  "glad",
  "golden",
  "hardy",
  "honest",
  "humble",
  "jolly",
  "keen",
  "kind",
  "lively",
  "lucid",
  "mellow",
  "merry",
  "nimble",
  "patient",
  "plucky",
  "proud",
  "quiet",
  "rapid",
  "sharp",
  "silver",
  "smooth",
  "sober",
  "steady",
  "sunny",
  "swift",
  "tidy",
  "true",
  "vivid",
  "warm",
  "wise",
  "witty",
  "young",
  "zesty",
];

const nouns = [
  "anchor",
  "barge",
  "beacon",
  "bollard",
  "brig",
  "buoy",
  "canoe",
  "capstan",
  "clipper",
  "compass",
  "coral",
  "crane",
  "cutter",
  "davit",
  "dock",
  "ferry",
  "galley",
  "gull",
  "harbor",
  "heron",
  "hull",
  "island",
  "jetty",
  "kayak",
  "keel",
  "ketch",
  "lagoon",
  "lantern",
  "mast",
  "otter",
  "pelican",
  "pier",
  "pilot",
  "quay",
  "reef",
  "rudder",
  "sail",
  "schooner",
  "sextant",
  "skiff",
  "sloop",
  "tern",
  "tide",
  "tug",
  "whale",
  "yawl",
];

/** A name that nobody has yet: "swift_heron", with digits behind it once the plain ones run short. */
export function randomName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const base = `${pick(adjectives)}_${pick(nouns)}`;
    const name = attempt < 3 ? base : `${base}${randomInt(10 ** Math.min(attempt, 9))}`;
    if (!taken(name)) return name;
  }
}

/** The name without its leading slash. Docker's grammar: [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
export function parseContainerName(text: string): string {
  const name = text.replace(/^\//, "");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw new EngineError(
      "invalid_argument",
      `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  return name;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "";
}
