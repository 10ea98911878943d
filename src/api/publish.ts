import type { HostConfig } from "./types.ts";

/**
 * What POST /containers/{id}/update takes beyond Docker's fields: ports that a container gains and loses,
 * running or not. What is removed goes first, so that a port can move.
 */
export interface PublishChanges {
  PublishAdd?: NonNullable<HostConfig["PortBindings"]>;
  /** "80/tcp" for all that is published of a port, "[IP:]HOSTPORT:80/tcp" for a part of it; ranges as -p takes them. */
  PublishRemove?: string[];
}
