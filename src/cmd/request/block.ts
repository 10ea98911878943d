import { parseBytes } from "../../cli/flag-values.ts";
import type { ContainerFlags } from "./flags.ts";
import { refuse, type Undefinable } from "./parts.ts";

interface Rate {
  Path: string;
  Rate: number;
}

interface BlockLimits {
  BlkioWeight: number;
  BlkioWeightDevice: { Path: string; Weight: number }[];
  BlkioDeviceReadBps: Rate[];
  BlkioDeviceWriteBps: Rate[];
  BlkioDeviceReadIOps: Rate[];
  BlkioDeviceWriteIOps: Rate[];
}

/** --blkio-weight and the limits of single devices. */
export function buildBlockLimits(flags: ContainerFlags): Undefinable<BlockLimits> {
  return {
    BlkioWeight: flags["blkio-weight"] || undefined,
    BlkioWeightDevice: flags["blkio-weight-device"].map(parseWeight),
    BlkioDeviceReadBps: flags["device-read-bps"].map(parseBps),
    BlkioDeviceWriteBps: flags["device-write-bps"].map(parseBps),
    BlkioDeviceReadIOps: flags["device-read-iops"].map(parseIops),
    BlkioDeviceWriteIOps: flags["device-write-iops"].map(parseIops),
  };
}

function split(text: string): [string, string] {
  const at = text.indexOf(":");
  const [path, value] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 0 || value === "") throw refuse(`bad format: ${text}`);
  if (!path.startsWith("/dev/")) throw refuse(`bad format for device path: ${text}`);
  return [path, value];
}

function parseWeight(text: string): { Path: string; Weight: number } {
  const [path, value] = split(text);
  const weight = /^\d+$/.test(value) ? Number(value) : -1;
  if (weight !== 0 && (weight < 10 || weight > 1000))
    throw refuse(`invalid weight for device: ${text}`);
  return { Path: path, Weight: weight };
}

function parseBps(text: string): Rate {
  const [path, value] = split(text);
  try {
    const rate = parseBytes(value);
    if (rate >= 0) return { Path: path, Rate: rate };
  } catch {
    // Told below, with the whole text.
  }
  throw refuse(
    `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
  );
}

function parseIops(text: string): Rate {
  const [path, value] = split(text);
  if (/^\d{1,15}$/.test(value)) return { Path: path, Rate: Number(value) };
  throw refuse(
    `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
  );
}
