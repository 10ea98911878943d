import { EngineError } from "../../../errors.ts";
import type { Network } from "../../networks/network.ts";
import { donorOf } from "../modes.ts";

type Facts = Pick<Network, "driver" | "name" | "configOnly">;

/** Refuses a network that a container cannot be in, or not besides those that it is in; Docker's words. */
export function refuseConflict(mode: string, present: Facts[], added: Facts): void {
  if (donorOf(mode) !== undefined) throw invalid(shared);
  if (added.configOnly)
    throw new EngineError("forbidden", "cannot create endpoint on configuration-only network");
  if (mode !== "host" && added.driver === "host") {
    throw invalid(
      "cannot connect container to host network - container must be created in host network mode",
    );
  }
  const others = present.filter(({ name }) => name !== added.name);
  const meets = (driver: string): boolean =>
    others.some((other) => other.driver === driver || added.driver === driver);
  if (meets("host")) throw invalid(shared);
  if (meets("null")) {
    throw invalid(
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  }
}

export const shared =
  "container sharing network namespace with another container or host cannot be connected to any other network";

function invalid(message: string): EngineError {
  return new EngineError("invalid_argument", message);
}
