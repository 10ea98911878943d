import type { EventMessage } from "../../api/types.ts";

/** Filters of GET /events, as listed in the Engine API. */
export const eventFilters = [
  "config",
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "node",
  "plugin",
  "scope",
  "secret",
  "service",
  "type",
  "volume",
] as const;

/** True if the event passes every filter; within one filter any value is enough, but every label counts. */
export function matchesEvent(event: EventMessage, filters: Map<string, string[]>): boolean {
  for (const [name, values] of filters) {
    const matches = (value: string): boolean => matchesOne(event, name, value);
    if (values.length === 0) continue;
    if (name === "label" ? !values.every(matches) : !values.some(matches)) return false;
  }
  return true;
}

function matchesOne(event: EventMessage, name: string, value: string): boolean {
  const attributes = event.Actor?.Attributes ?? {};
  const id = event.Actor?.ID ?? "";
  switch (name) {
    case "event":
      return event.Action === value || event.Action?.startsWith(`${value}:`) === true;
    case "type":
      return event.Type === value;
    case "scope":
      return event.scope === value;
    case "label": {
      const [key = "", wanted] = splitOnce(value, "=");
      return Object.hasOwn(attributes, key) && (wanted === undefined || attributes[key] === wanted);
    }
    case "container":
      return (
        event.Type === "container" &&
        (id.startsWith(value) || attributes.name === value.replace(/^\//, ""))
      );
    case "image":
      return event.Type === "image"
        ? id === value || id.split(":")[0] === value || attributes.name === value
        : attributes.image === value || attributes.image?.split(":")[0] === value;
    default:
      return event.Type === name && (id === value || attributes.name === value);
  }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
