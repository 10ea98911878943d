/** Rules as the common managers of firewalls write them, small. */
import type { World } from "./world.ts";

/** As ufw does: what comes in is dropped unless allowed; what passes through is `forward`'s matter. */
export const ufwLike = (forward: "ACCEPT" | "DROP", open: number[] = [22]) => `*filter
:INPUT DROP [0:0]
:FORWARD ${forward} [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-user-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -p icmp -j ACCEPT
${open.map((port) => `-A ufw-user-input -p tcp -m tcp --dport ${port} -j ACCEPT`).join("\n")}
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 203.0.113.0/24 -j MASQUERADE
COMMIT
`;

/** The same for IPv6, where neighbours have to be found too. */
export const ufwLike6 = (forward: "ACCEPT" | "DROP", open: number[] = [22]) => `*filter
:INPUT DROP [0:0]
:FORWARD ${forward} [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
${open.map((port) => `-A INPUT -p tcp -m tcp --dport ${port} -j ACCEPT`).join("\n")}
COMMIT
`;

/** As firewalld does: one table of nftables, which lets through what was redirected, and out by \`outward\`. */
export const firewalldLike = (outward: string, open: number[] = [22]) => `
table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    meta l4proto ipv6-icmp accept
    tcp dport { ${open.join(", ")} } accept
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    oifname "${outward}" accept
    reject with icmpx admin-prohibited
  }
}
`;

async function feed(world: World, command: string[], stdin: string): Promise<void> {
  const { code, stderr } = await world.run(command, { stdin });
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}

/** Puts rules into the world by the program that each kind of them is written for. */
export async function putRules(
  world: World,
  { ipv4, ipv6, nft }: { ipv4?: string; ipv6?: string; nft?: string },
): Promise<void> {
  if (ipv4 !== undefined) await feed(world, ["iptables-restore"], ipv4);
  if (ipv6 !== undefined) await feed(world, ["ip6tables-restore"], ipv6);
  if (nft !== undefined) await feed(world, ["nft", "-f", "-"], nft);
}

/** The names of the tables there are: "inet firewalld". */
export async function tables(world: World): Promise<string[]> {
  const { stdout } = await world.run(["nft", "list", "tables"]);
  return stdout.split("\n").flatMap((line) => /^table (.+)$/.exec(line)?.[1] ?? []);
}

/** Text of all tables but the engine's own, and what iptables makes of its ones. */
export async function foreignRules(world: World): Promise<string> {
  const own = /^inet rt/;
  const names = (await tables(world)).filter((name) => !own.test(name));
  const texts: string[] = [];
  for (const name of names) {
    const { stdout } = await world.run(["nft", "-a", "list", "table", ...name.split(" ")]);
    texts.push(stdout.replaceAll(/counter packets \d+ bytes \d+/g, "counter"));
  }
  for (const save of ["iptables-save", "ip6tables-save"]) {
    const { stdout } = await world.run([save]);
    // Comments tell the time, and policies how often they were asked.
    texts.push(stdout.replaceAll(/^#.*\n/gm, "").replaceAll(/\[\d+:\d+\]/g, ""));
  }
  return texts.join("\n");
}

/** Takes all tables but the engine's own away. */
export async function removeForeignRules(world: World): Promise<void> {
  for (const name of await tables(world)) {
    if (!name.startsWith("inet rt"))
      await world.run(["nft", "delete", "table", ...name.split(" ")]);
  }
}

/** Whether bridges hand their frames to netfilter. False where that cannot be had. */
export async function setBridgeFilter(world: World, on: boolean): Promise<boolean> {
  const settings = ["iptables", "ip6tables"].map((each) => `net.bridge.bridge-nf-call-${each}`);
  const values = settings.map((each) => `${each}=${on ? 1 : 0}`);
  // Where there is no such thing as `br_netfilter` they hand nothing over.
  return (await world.run(["sysctl", "-qw", ...values])).code === 0 || !on;
}
