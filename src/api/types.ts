/** Wire types of the Engine API, by Docker's own names. Types only. */
import type { SystemInfo as DockerSystemInfo } from "@docker/node-sdk";

export type {
  AuthConfig,
  ContainerConfig,
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspectResponse,
  ContainerSummary,
  ContainerWaitResponse,
  EndpointSettings,
  EventMessage,
  HostConfig,
  ImageConfig,
  ImageDeleteResponseItem,
  ImageInspect,
  ImageSummary,
  IPAM,
  IPAMConfig,
  Mount,
  MountPoint,
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkDisconnectRequest,
  NetworkingConfig,
  SystemVersion,
  Volume,
  VolumeCreateOptions,
  VolumeListResponse,
  VolumePruneResponse,
} from "@docker/node-sdk";

export type SystemInfo = DockerSystemInfo & {
  /** What keeps packets in order; from API 1.49 on. */
  FirewallBackend?: { Driver: string };
};

/** One line of the progress stream of an image pull (Docker's jsonmessage). */
export interface ProgressMessage {
  status?: string;
  id?: string;
  /** Words to be shown as they are, with their line ends. */
  stream?: string;
  progress?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
  errorDetail?: { code?: number; message: string };
  /** For programs: of a push, what has been pushed. */
  aux?: PushResult | PushedInsteadOfIndex;
  /** rt's own error code, so that the client can choose its exit code and hint. */
  rtErrorCode?: string;
  rtErrorHint?: string;
  /** Bytes of the layers to come, by id; see `api/pull.ts`. */
  rtLayerSizes?: Record<string, number>;
}

/** Names as Docker has them. */
export interface PushResult {
  Tag: string;
  Digest: string;
  Size: number;
}

/** Of an index, all of which is not here, one manifest was pushed. */
export interface PushedInsteadOfIndex {
  manifestPushedInsteadOfIndex: true;
  originalIndex: PushedDescriptor;
  selectedManifest: PushedDescriptor;
}

interface PushedDescriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** One step of GET /images/{name}/history. */
export interface HistoryItem {
  Id: string;
  /** Unix seconds. */
  Created: number;
  CreatedBy: string;
  Tags: string[] | null;
  Size: number;
  Comment: string;
}

/** A manifest of an image, which may have several, one for each platform. */
export interface ImageManifestSummary {
  ID: string;
  Descriptor: WireDescriptor;
  /** All of its content is here. */
  Available: boolean;
  Size: { Content: number; Total: number };
  Kind: "image" | "attestation" | "unknown";
  ImageData?: {
    Platform: { os: string; architecture: string; variant?: string };
    Containers: string[];
    Size: { Unpacked: number };
  };
  AttestationData?: { For: string };
}

/** OCI's descriptor. */
export interface WireDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
  annotations?: Record<string, string>;
}

/** Reply to POST /auth. */
export interface AuthReply {
  Status: string;
  IdentityToken?: string;
}

/** Idmapped binds are this engine's own: "INSIDE:HOST:SIZE[,…]", "uids=…;gids=…" or "owner". */
export interface IdMapped {
  IDMap?: string;
}
