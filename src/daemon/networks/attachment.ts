import type { Attachment } from "./network.ts";

/** Of a container that asks for nothing but to be there. */
export function plainAttachment(asked: Partial<Attachment> = {}): Attachment {
  return {
    aliases: [],
    links: [],
    address: "",
    address6: "",
    linkLocal: [],
    macAddress: "",
    driverOptions: {},
    gatewayPriority: 0,
    ...asked,
  };
}
