import { arch } from "node:os";
import { EngineError } from "../errors.ts";
import { printable } from "./printable.ts";

/** As in an OCI index: GOOS and GOARCH names. */
export interface Platform {
  os: string;
  architecture: string;
  /** "v7", "v8", … */
  variant?: string;
  "os.version"?: string;
  "os.features"?: string[];
}

const nodeArchitectures: Record<string, Platform> = {
  x64: { os: "linux", architecture: "amd64" },
  arm64: { os: "linux", architecture: "arm64", variant: "v8" },
  arm: { os: "linux", architecture: "arm", variant: "v7" },
  ia32: { os: "linux", architecture: "386" },
  ppc64: { os: "linux", architecture: "ppc64le" },
  s390x: { os: "linux", architecture: "s390x" },
  riscv64: { os: "linux", architecture: "riscv64" },
  loong64: { os: "linux", architecture: "loong64" },
};

/** What this process runs on. */
export function hostPlatform(): Platform {
  const found = nodeArchitectures[arch()];
  return found === undefined ? { os: "linux", architecture: arch() } : { ...found };
}

const aliases: Record<string, { architecture: string; variant?: string }> = {
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  aarch64: { architecture: "arm64" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
  i386: { architecture: "386" },
  i686: { architecture: "386" },
};

const knownArchitectures = new Set([
  ..."386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm".split(
    " ",
  ),
]);

const part = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * Reads what `--platform` takes: "os", "arch", "os/arch" or "os/arch/variant". What is not said is the
 * host's. Throws invalid_argument.
 */
export function parsePlatform(text: string, host: Platform = hostPlatform()): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((p) => part.test(p))) {
    throw new EngineError(
      "invalid_argument",
      `invalid platform ${JSON.stringify(printable(text, 200))}: expected os/architecture or os/architecture/variant`,
    );
  }
  const [first = "", second, third] = parts.map((p) => p.toLowerCase());
  if (second === undefined) {
    const architecture = aliases[first]?.architecture ?? first;
    if (knownArchitectures.has(architecture))
      return normalize({ os: host.os, architecture: first });
    if (first !== "linux" && first !== "windows" && first !== "darwin" && first !== "freebsd") {
      throw new EngineError(
        "invalid_argument",
        `invalid platform ${JSON.stringify(text)}: unknown operating system or architecture`,
      );
    }
    return normalize({ ...host, os: first });
  }
  return normalize({
    os: first,
    architecture: second,
    ...(third === undefined ? {} : { variant: third }),
  });
}

/** One spelling for each platform, as containerd's: arm64/v8 is arm64, amd64/v1 is amd64, arm is arm/v7. */
export function normalize(platform: Platform): Platform {
  const { variant: given = "", ...rest } = platform;
  const alias = aliases[platform.architecture];
  const architecture = alias?.architecture ?? platform.architecture;
  let variant = given !== "" ? given : (alias?.variant ?? "");
  if (/^[0-9]+$/.test(variant)) variant = `v${variant}`;
  if (architecture === "amd64" && variant === "v1") variant = "";
  if (architecture === "arm64" && (variant === "v8" || variant === "v8.0")) variant = "";
  if (architecture === "arm" && variant === "") variant = "v7";
  return { ...rest, architecture, ...(variant === "" ? {} : { variant }) };
}

/** "linux/amd64", "linux/arm/v7". */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return [os, architecture, ...(variant === undefined || variant === "" ? [] : [variant])].join(
    "/",
  );
}

/**
 * How well `have` serves one who wants `want`: 0 is exact, larger is worse, undefined is not at all.
 * A processor runs the code of its own variant and of lower ones, the nearest being the best.
 */
export function matchPlatform(have: Platform, want: Platform): number | undefined {
  const h = normalize(have);
  const w = normalize(want);
  if (h.os !== w.os) return undefined;
  if (h.architecture !== w.architecture) {
    // A 64-bit ARM runs 32-bit code where the kernel has it: the last resort, as in containerd.
    if (w.architecture === "arm64" && h.architecture === "arm") {
      const below = matchPlatform(h, { ...w, architecture: "arm", variant: "v8" });
      return below === undefined ? undefined : 100 + below;
    }
    return undefined;
  }
  if ((h.variant ?? "") === (w.variant ?? "")) return 0;
  const base = baseVariant[h.architecture];
  if (base === undefined) return undefined;
  const hv = variantNumber(h.variant, base);
  const wv = variantNumber(w.variant, base);
  return hv === undefined || wv === undefined || hv > wv ? undefined : Math.round((wv - hv) * 10);
}

/** The variant meant where none is written. */
const baseVariant: Record<string, number> = { amd64: 1, arm64: 8, arm: 7 };

function variantNumber(variant: string | undefined, base: number): number | undefined {
  if (variant === undefined || variant === "") return base;
  const match = /^v([0-9]{1,2}(?:\.[0-9])?)$/.exec(variant);
  return match === null ? undefined : Number(match[1]);
}

/**
 * The best descriptor for `want`, or undefined; of equals the first wins. The attestations that BuildKit files
 * under "unknown/unknown" are passed over. One descriptor without a platform will do if it is the only one.
 */
export function choosePlatform<T extends { platform?: Platform }>(
  descriptors: readonly T[],
  want: Platform,
): T | undefined {
  const [only] = descriptors;
  if (descriptors.length === 1 && only?.platform === undefined) return only;
  let best: T | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const candidate of descriptors) {
    const have = candidate.platform;
    if (have === undefined || have.os === "unknown" || have.architecture === "unknown") continue;
    const score = matchPlatform(have, want);
    if (score !== undefined && score < bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}
