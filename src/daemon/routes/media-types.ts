import { compareVersions } from "../../api/version.ts";

const rawStream = "application/vnd.docker.raw-stream";
export const multiplexedStream = "application/vnd.docker.multiplexed-stream";

/** What a container's output is sent as; the type for frames came with API 1.42. */
export function outputType(tty: boolean, version: string): string {
  return tty || compareVersions(version, "1.42") < 0 ? rawStream : multiplexedStream;
}
