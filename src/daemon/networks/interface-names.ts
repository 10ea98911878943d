/** The name of a container's interface that its endpoint can choose. */
export const interfaceOption = "com.docker.network.endpoint.ifname";

export interface WantedName {
  network: string;
  chosen: string | undefined;
  /** Of the network's interfaces, "eth" of most. */
  prefix: string;
}

/** Names for the interfaces of networks, in their order: the chosen one, or the first number that is free. */
export function nameInterfaces(wanted: WantedName[], taken: string[] = []): Map<string, string> {
  const used = new Set([...taken, ...wanted.flatMap(({ chosen }) => (chosen ? [chosen] : []))]);
  const names = new Map<string, string>();
  for (const { network, chosen, prefix } of wanted) {
    const name = chosen || firstFree(prefix, used);
    used.add(name);
    names.set(network, name);
  }
  return names;
}

function firstFree(prefix: string, used: ReadonlySet<string>): string {
  for (let index = 0; ; index++) {
    if (!used.has(`${prefix}${index}`)) return `${prefix}${index}`;
  }
}
