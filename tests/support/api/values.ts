/** Values that have broken somebody's parser. */
import { Fields, type Json, nested, Raw } from "./json.ts";
import type { Random } from "./random.ts";

/** Names that every object in JavaScript seems to have. */
export const inheritedNames = [
  ...["__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty"],
];

/** No path in here that starts with a slash is absent from the machine: what is absent might be made. */
const words = [
  ...["", " ", "\t", "0", "-1", "1", "-0", "NaN", "null", "undefined", "true"],
  ...["\0", "a\0b", "\r\nX-Evil: 1", "\x1b[2J\x07", "\u202e", "\ud800", "a\udfffb", "\ufeff"],
  ...["..", ".", "../../etc/passwd", "/", "//", "/../..", "%2e%2e%2f", "..%2f", "a/b", "\\..\\"],
  ...["/etc/passwd", "/proc/self/fd/0", "/dev/null", "-rf", "--", "a=b", "=", "=x", "a:b:c:d"],
  ...[":", "::", ",", "@", "#", "busybox@sha256:0", "container:", "container:none", "host"],
  ...["%s%n", "${x}", "{{.}}", "$(true)", "'\"`", "<a>", "é", "😀", "ﷺ", "a".repeat(256)],
  ...[
    "1h",
    `${"9".repeat(40)}h`,
    "X 1",
    "2006-01-02",
    "(a+)+$",
    "[",
    "(?=x)",
    "a{999}{999}",
    "9".repeat(400),
    "🙂".repeat(64),
  ],
  ...inheritedNames,
];

export function hostileText(random: Random): string {
  const at = random.below(1000);
  if (at < 2) return "x".repeat(1_000_000);
  if (at < 12) return random.pick(["y", "../", "\n", "é"]).repeat(20_000);
  if (at < 40) return String.fromCharCode(random.below(0x10000));
  return random.pick(words);
}

const numbers = [
  ...["-1", "0", "-0", "1", "2", "1.5", "1e400", "-1e400", "1e-400", "1e999999999", "65536"],
  ...["2147483647", "2147483648", "4294967296", "-2147483649", "9007199254740991"],
  ...["9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808"],
  ...[
    "-9223372036854775808",
    "18446744073709551616",
    "NaN",
    "Infinity",
    "0x10",
    "01",
    "+1",
    "1_000",
  ],
  ...["1e308", "0.1e-6", `1${"0".repeat(500)}`, "1.7976931348623157e309"],
];

export function hostileNumber(random: Random): string {
  return random.pick(numbers);
}

/** Something of any type. */
export function hostileJson(random: Random): Json {
  switch (random.below(12)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return new Raw(hostileNumber(random));
    case 4:
      return [];
    case 5:
      return Fields.of({});
    case 6:
      return [hostileText(random), null, new Raw(hostileNumber(random))];
    case 7:
      return new Fields([[hostileKey(random), hostileText(random)]]);
    case 8:
      return new Fields(inheritedNames.map((name) => [name, Fields.of({ polluted: true })]));
    case 9:
      return nested(
        random.pick([2, 63, 64, 65, 1000, 10_000]),
        random.pick(["[", '{"a":'] as const),
      );
    case 10:
      return Array.from({ length: random.pick([100, 5000]) }, () => random.pick(words));
    default:
      return hostileText(random);
  }
}

export function hostileKey(random: Random): string {
  return random.chance(0.5) ? random.pick(inheritedNames) : hostileText(random);
}
