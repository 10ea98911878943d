import type { EventBus } from "../events/bus.ts";
import type { Container } from "./container.ts";

/** Tells that a container's volumes are mounted, or are no more. */
export function publishVolumes(
  events: EventBus,
  container: Container,
  action: "mount" | "unmount",
): void {
  for (const mount of container.mounts) {
    if (mount.type !== "volume") continue;
    const place = {
      destination: mount.target,
      propagation: "",
      "read/write": String(!mount.readonly),
    };
    events.publish("volume", action, mount.name, {
      container: container.id,
      driver: "local",
      ...(action === "mount" ? place : {}),
    });
  }
}
