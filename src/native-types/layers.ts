/** What the addon is told of layers and trees, and tells of them. */

export interface TreeUsage {
  bytes: number;
  /** Of its blocks, the directories' too. */
  disk: number;
}

export interface ExtractOptions {
  /** The compressed layer, perhaps still growing. */
  blobPath: string;
  /** A directory that does not exist yet; left absent when the extraction fails. */
  stagingDir: string;
  /** Budgets; the layer is refused beyond them. */
  maxBytes: number;
  maxEntries: number;
}

export interface LayerExtraction {
  /** The file now holds this many bytes in all. */
  grown(totalBytes: number): void;
  /** No more bytes will come. */
  finish(): void;
  /** Stops at once; `done` rejects, the staging directory is gone. */
  cancel(): void;
  readonly done: Promise<ExtractResult>;
}

export interface ExtractResult {
  /** sha256 of the bytes of the file, "sha256:<hex>". */
  digest: string;
  blobSize: number;
  /** sha256 of the plain tar stream. */
  diffId: string;
  /** Sum of the sizes of regular files. */
  size: number;
  entries: number;
}

/** The directories of a container's overlay. */
export interface LayersRequest {
  upper: string;
  lower: string[];
  /** Paths that the engine makes for what it mounts. */
  mountPoints: string[];
}

export interface FileChange {
  path: string;
  /** Docker's numbers: modified, added, deleted. */
  kind: 0 | 1 | 2;
}

/** By layer, lowest first. */
export interface LayersMeasured {
  files: number[];
  /** Of everything but directories. */
  bytes: number[];
  /** Bytes of files of layers below that this one replaces or removes. */
  wasted: number[];
  /** What is left to be seen. */
  visible: number;
}

export interface PackedLayer {
  digest: string;
  size: number;
  diffId: string;
}

export interface CopyUpRequest {
  /** Layer directories, topmost first; at least two. */
  lower: string[];
  /** In the image, resolved there. */
  path: string;
  /** Staged: the volume's directory, which holds `_data`; else the directory to fill itself. */
  directory: string;
  staged: boolean;
}
