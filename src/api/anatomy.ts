/** Wire types of GET /rt/image/tree and GET /rt/image/diff, routes of this engine's own. Types only. */

/** Bytes throughout. */
export interface LayerAnatomy {
  DiffID: string;
  /** Of the compressed layer. */
  Digest: string;
  CreatedBy: string;
  /** Unpacked. */
  Size: number;
  CompressedSize: number;
  Files: number;
  /** Of files of the layers below that this one replaces or removes. */
  WastedBytes: number;
}

export interface ImageAnatomy {
  Id: string;
  RepoTags: string[];
  /** "linux/amd64". */
  Platform: string;
  Size: number;
  CompressedSize: number;
  WastedBytes: number;
  /** Lowest first. */
  Layers: LayerAnatomy[];
}

export interface LayerSize {
  DiffID: string;
  Size: number;
}

/** The first line of a difference. */
export interface LayersDifference {
  layers: { shared: LayerSize[]; removed: LayerSize[]; added: LayerSize[] };
}

/** Every further line. */
export interface FileDifference {
  /** Absolute; what is no text in it is replaced. */
  path: string;
  /** The bytes of such a path in hexadecimal digits. */
  raw?: string;
  change: "added" | "changed" | "deleted";
  /** Of "type", "mode", "owner", "device", "target", "size", "content", "attributes". */
  what: string[];
  /** "file", "directory", "link", "device", "fifo", "socket". */
  type: string;
  /** Null where it is absent. */
  before: number | null;
  after: number | null;
}

/** The last line, where it went wrong on the way. */
export interface DifferenceFailure {
  error: string;
}

export type DifferenceLine = LayersDifference | FileDifference | DifferenceFailure;
