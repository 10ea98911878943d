import type { EndpointSettings } from "../../api/types.ts";
import { compareVersions } from "../../api/version.ts";
import { EngineError } from "../../errors.ts";
import { endpointShape } from "../containers/request-shapes.ts";
import type { Handler } from "../http/context.ts";
import { checkShape, type Fields } from "../http/shape.ts";
import { parseGoBool } from "../networks/create/options.ts";
import { type NetworkRequest, parseNetworkRequest } from "../networks/create/request.ts";
import { networkFilters, pruneFilters } from "../networks/filter.ts";
import type { Network } from "../networks/network.ts";
import { type Member, toNetworkInspect, toNetworkSummary } from "../networks/view.ts";

export interface NetworkRoutesParts {
  list(filters: ReadonlyMap<string, string[]>): Network[];
  get(reference: string): Network;
  create(request: NetworkRequest): Promise<Network>;
  remove(reference: string): Promise<void>;
  prune(filters: ReadonlyMap<string, string[]>, now: number): Promise<string[]>;
  membersOf(network: Network): Member[];
  usageOf(network: Network): Map<string, { inUse: bigint; available: bigint }>;
  /** Gives a container a place in a network; `settings` as the client wrote them, already of Docker's types. */
  connect(network: string, container: string, settings: EndpointSettings): Promise<void>;
  disconnect(network: string, container: string, force: boolean): Promise<void>;
}

export function networkRoutes(parts: NetworkRoutesParts) {
  return {
    networkList({ query, version, json }) {
      const isBefore = (other: string): boolean => compareVersions(version, other) < 0;
      const former = isBefore("1.52") ? { Containers: {} } : {};
      // Until 1.28 a list told as much as an inspection.
      const show = (network: Network) =>
        isBefore("1.28")
          ? toNetworkInspect(network, parts.membersOf(network), undefined)
          : { ...toNetworkSummary(network), ...former };
      json(200, parts.list(query.filters(networkFilters)).map(show));
    },

    async networkCreate({ body, version, json }) {
      const request = parseNetworkRequest(await body());
      // Until then IPv4 could not be switched off.
      if (compareVersions(version, "1.48") < 0) request.enableIpv4 = undefined;
      const { id } = await parts.create(request);
      json(201, { Id: id, Warning: "" });
    },

    networkInspect({ params, query, version, json }) {
      const network = parts.get(params.id ?? "");
      checkVerbose(query.text("verbose"));
      if (!["", "local"].includes(query.text("scope")))
        throw new EngineError("not_found", `network ${params.id} not found`);
      const usage = compareVersions(version, "1.52") < 0 ? undefined : parts.usageOf(network);
      json(200, toNetworkInspect(network, parts.membersOf(network), usage));
    },

    async networkRemove({ params, empty }) {
      await parts.remove(params.id ?? "");
      empty(204);
    },

    async networkPrune({ query, json }) {
      const names = await parts.prune(query.filters(pruneFilters), Date.now());
      json(200, { NetworksDeleted: names.length === 0 ? null : names });
    },

    async networkConnect({ params, body, empty }) {
      const wire: { Container?: string; EndpointConfig?: EndpointSettings } = checked(
        await body(),
        { Container: "string", EndpointConfig: endpointShape },
      );
      await parts.connect(params.id ?? "", wire.Container ?? "", wire.EndpointConfig ?? {});
      empty(200);
    },

    async networkDisconnect({ params, body, empty }) {
      const wire: { Container?: string; Force?: boolean } = checked(await body(), {
        Container: "string",
        Force: "boolean",
      });
      await parts.disconnect(params.id ?? "", wire.Container ?? "", wire.Force ?? false);
      empty(200);
    },
  } satisfies Record<string, Handler>;
}

/** Services of a swarm, of which there are none, would be shown; still nonsense is refused. */
function checkVerbose(text: string): void {
  if (text === "" || parseGoBool(text) !== undefined) return;
  throw new EngineError(
    "invalid_argument",
    `invalid value for verbose: ${text}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function checked(body: Record<string, unknown>, shape: Fields): Record<string, unknown> {
  checkShape(body, shape);
  return body;
}
