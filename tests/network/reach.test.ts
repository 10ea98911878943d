/** Every row of the table: who reaches whom, and as whom. */
import { beforeAll, expect, test } from "bun:test";
import { Envoy, type Protocol } from "../support/envoy.ts";
import { useMembers } from "../support/members.ts";
import { Reach } from "./reach/stage.ts";
import { networks, rowsFor } from "./reach/table.ts";

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

beforeAll(async () => {
  protocols = await findProtocols();
  reach = await Reach.create(members(), protocols);
});

/** So many calls are under way at once. */
const abreast = 48;

for (const network of networks) {
  test(`${network.name}: reached by whom it should be, and by nobody else`, async () => {
    await reach.add(network);
    const rows = rowsFor(network, protocols);
    const wrong: (string | undefined)[] = [];
    for (let at = 0; at < rows.length; at += abreast) {
      const some = rows.slice(at, at + abreast);
      wrong.push(...(await Promise.all(some.map((row) => reach.judge(row)))));
    }
    expect(wrong.filter((each) => each !== undefined)).toEqual([]);
    expect(rows.length).toBeGreaterThan(90);
  });
}
