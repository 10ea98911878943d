/** What one request, and all connections together, may cost the daemon before anything is decided. */
export interface Limits {
  /** Request line and headers. */
  headBytes: number;
  headerCount: number;
  /** From the connection, or from the first byte of a later request, to the end of its headers. */
  headMs: number;
  /** JSON bodies only: archives and attached streams take as long as they take. */
  jsonBytes: number;
  jsonMs: number;
  /** Arrays and objects within each other. */
  jsonDepth: number;
  /** Connections at once; never more than half of the descriptors that the daemon may open. */
  connections: number;
  /** How long what a client still sends is read and dropped behind an answer that ends its connection. */
  lingerMs: number;
}

export const defaultLimits: Limits = {
  headBytes: 16 * 1024,
  headerCount: 100,
  headMs: 15_000,
  jsonBytes: 4 * 1024 * 1024,
  jsonMs: 30_000,
  jsonDepth: 64,
  connections: 4096,
  lingerMs: 2000,
};

/** A request that is refused before it reaches a service; `status` is HTTP's own. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
