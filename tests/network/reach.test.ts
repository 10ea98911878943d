/** Every row of the table: who reaches whom, and as whom. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Envoy, type Protocol } from "../support/envoy.ts";
import { setBridgeFilter } from "../support/firewalls.ts";
import { useMembers } from "../support/members.ts";
import { Reach } from "./reach/stage.ts";
import { networks, rowsFor, type TestedNetwork } from "./reach/table.ts";

const members = useMembers();
let reach: Reach;
let protocols: Protocol[];

/** SCTP where the kernel has it. */
async function findProtocols(): Promise<Protocol[]> {
  using envoy = Envoy.in(members().world);
  const hasSctp = await envoy.serve("sctp", { protocol: "sctp" }).then(
    () => true,
    () => false,
  );
  return hasSctp ? ["tcp", "udp", "sctp"] : ["tcp", "udp"];
}

/** So many calls are under way at once. */
const abreast = 48;

async function judge(network: TestedNetwork, filtered: boolean): Promise<string[]> {
  await reach.add(network);
  const rows = rowsFor({ network, protocols, filtered });
  const wrong: (string | undefined)[] = [];
  for (let at = 0; at < rows.length; at += abreast) {
    const some = rows.slice(at, at + abreast);
    wrong.push(...(await Promise.all(some.map((row) => reach.judge(row)))));
  }
  expect(rows.length).toBeGreaterThan(90);
  return wrong.filter((each) => each !== undefined);
}

for (const filtered of [true, false]) {
  describe(`with bridges that ${filtered ? "" : "do not "}hand their frames to netfilter`, () => {
    let isPossible: boolean;
    beforeAll(async () => {
      isPossible = await setBridgeFilter(members().world, filtered);
      // What a daemon leaves on the host when nothing runs is nothing: the next begins anew.
      await members().daemon.stop();
      await members().world.daemon();
      protocols = await findProtocols();
      reach = await Reach.create(members(), protocols);
    });
    afterAll(async () => {
      await members().clear();
    });
    for (const network of networks) {
      test(`${network.name}: reached by whom it should be, and by nobody else`, async () => {
        if (isPossible) expect(await judge(network, filtered)).toEqual([]);
      });
    }
  });
}
