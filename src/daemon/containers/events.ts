import type { Container } from "./container.ts";

/** What Docker sends with every event of a container: its labels, image and name. */
export function eventAttributes(container: Container): Record<string, string> {
  return { ...container.config.Labels, image: container.image, name: container.name };
}
