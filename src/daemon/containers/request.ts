import type { PublishChanges as WirePublishChanges } from "../../api/publish.ts";
import type { ContainerConfig, ContainerCreateRequest, HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { checkShape } from "../http/shape.ts";
import { type PublishChanges, parsePublishChanges } from "../networks/ports/changes.ts";
import { configShape, createShape, updateShape } from "./request-shapes.ts";
import { parseRestartPolicy } from "./restart-policy.ts";

/**
 * Checks a create request: first that its fields have the types Docker's have (the wire type is only a
 * claim until then), then that nothing is asked for which this engine does not do.
 */
export function parseCreateRequest(body: Record<string, unknown>): ContainerCreateRequest {
  checkShape(body, createShape);
  if (Object.keys(body).every((key) => ["HostConfig", "NetworkingConfig"].includes(key))) {
    const why = "config cannot be empty in order to create a container";
    throw new EngineError("invalid_argument", why);
  }
  const request = body as ContainerCreateRequest;
  const host = request.HostConfig ?? {};
  if (!empty(host.DeviceRequests)) {
    const [first] = host.DeviceRequests ?? [];
    const wanted = JSON.stringify(first?.Driver ?? "");
    const capabilities = JSON.stringify(first?.Capabilities ?? [])
      .replaceAll('"', "")
      .replaceAll(",", " ");
    throw new EngineError(
      "not_implemented",
      `could not select device driver ${wanted} with capabilities: ${capabilities}`,
    );
  }
  for (const [asked, words] of unsupported) {
    if (asked(host, request))
      throw new EngineError("not_implemented", `${words} not supported by this engine yet`);
  }
  return request;
}

/** What an update changes: fields of a host configuration, and published ports. */
export interface ContainerUpdate {
  host: HostConfig;
  ports: PublishChanges | undefined;
}

export function parseUpdateRequest(body: Record<string, unknown>): ContainerUpdate {
  checkShape(body, updateShape);
  const { PublishAdd, PublishRemove, ...host } = body as HostConfig & WirePublishChanges;
  const policy = host.RestartPolicy;
  return {
    host: policy?.Name ? { ...host, RestartPolicy: parseRestartPolicy(policy) } : host,
    ports: parsePublishChanges(PublishAdd, PublishRemove),
  };
}

/** Checks the settings that a commit gives its image. */
export function parseConfigRequest(body: Record<string, unknown>): ContainerConfig {
  checkShape(body, configShape);
  return body as ContainerConfig;
}

const empty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === 0 ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0);

/** What Docker has and this engine has not, each with the words of its refusal. */
const unsupported: [(host: HostConfig, request: ContainerCreateRequest) => boolean, string][] = [
  [(host) => !empty(host.StorageOpt), "storage options are"],
];
