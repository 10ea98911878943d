/** The name of a container's interface that its endpoint can choose. */
export const interfaceOption = "com.docker.network.endpoint.ifname";

/** Names for the interfaces of networks, in their order: the chosen one, or the first "ethN" that is free. */
export function nameInterfaces(
  wanted: { network: string; chosen: string | undefined }[],
  taken: string[] = [],
): Map<string, string> {
  const used = new Set([...taken, ...wanted.flatMap(({ chosen }) => (chosen ? [chosen] : []))]);
  const names = new Map<string, string>();
  for (const { network, chosen } of wanted) {
    const name = chosen || firstFree(used);
    used.add(name);
    names.set(network, name);
  }
  return names;
}

function firstFree(used: ReadonlySet<string>): string {
  for (let index = 0; ; index++) {
    if (!used.has(`eth${index}`)) return `eth${index}`;
  }
}
