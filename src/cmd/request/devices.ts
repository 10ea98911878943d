import type { HostConfig } from "../../api/types.ts";
import type { ContainerFlags } from "./flags.ts";
import { refuse } from "./parts.ts";

const modes = /^(?!.*(.).*\1)[rwm]{1,3}$/;

/** --device PATH[:PATH][:rwm] and --device-cgroup-rule. */
export function buildDevices(
  flags: ContainerFlags,
): Pick<HostConfig, "Devices" | "DeviceCgroupRules" | "DeviceRequests"> {
  const named = flags.device.filter(isCdiName);
  return {
    Devices: flags.device.filter((text) => !isCdiName(text)).map(parseDevice),
    DeviceCgroupRules: flags["device-cgroup-rule"].map(checkRule),
    DeviceRequests: [
      ...(named.length > 0 ? [{ Driver: "cdi", DeviceIDs: named }] : []),
      ...(flags.gpus === undefined ? [] : [parseGpus(flags.gpus)]),
    ],
  };
}

/** "all", a number, or fields such as "device=0"; what they mean is the engine's to judge. */
function parseGpus(text: string) {
  const count = text === "all" ? -1 : /^\d+$/.test(text) ? Number(text) : 0;
  const Options: Record<string, string> = count === 0 ? { request: text } : {};
  return { Driver: "", Count: count, Capabilities: [["gpu"]], Options };
}

/** A device of the Container Device Interface: vendor.com/class=name. */
function isCdiName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*=[A-Za-z0-9][\w.:-]*$/.test(text);
}

function parseDevice(text: string) {
  const parts = text.split(":");
  const [host = "", second, third] = parts;
  if (parts.length > 3 || host === "") throw refuse(`bad format for path: ${text}`);
  if (third !== undefined && !modes.test(third)) throw refuse(`bad mode specified: ${third}`);
  const secondIsMode = third === undefined && second !== undefined && modes.test(second);
  const inside = secondIsMode ? host : second || host;
  if (!inside.startsWith("/")) throw refuse(`${inside} is not an absolute path`);
  return {
    PathOnHost: host,
    PathInContainer: inside,
    CgroupPermissions: third ?? (secondIsMode ? second : "rwm"),
  };
}

function checkRule(text: string): string {
  if (/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw refuse(`invalid device cgroup format '${text}'`);
}
