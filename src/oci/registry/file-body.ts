/** Bytes of a file, sent as they are on the disk and never all in memory. */
export interface FilePart {
  path: string;
  start: number;
  /** Behind the last byte. */
  end: number;
  /** Told how many bytes have gone, where that can be seen. */
  sent?: ((bytes: number) => void) | undefined;
}

/** What `fetch` is given of a file. */
export interface FileBody {
  body: Blob | ReadableStream<Uint8Array>;
  length: number;
  /** How long it may take, in milliseconds, beside the time of silence: nobody sees it go. */
  blindMs: number;
}

/** Bytes a second that any connection without TLS carries: such registries are near. */
const slowestRate = 256 * 1024;

/**
 * Without TLS the kernel copies a file to the socket (sendfile), which nobody sees. With TLS Bun would read all of it into
 * memory first, so it gets a stream, and `touch` is called for each piece.
 */
export function openFilePart(part: FilePart, isSecure: boolean, touch: () => void): FileBody {
  const slice = Bun.file(part.path).slice(part.start, part.end);
  const length = part.end - part.start;
  if (!isSecure) return { body: slice, length, blindMs: (length / slowestRate) * 1000 };
  let gone = 0;
  const count = (bytes: number): void => {
    gone += bytes;
    touch();
    part.sent?.(gone);
  };
  return { body: counted(slice.stream(), count), length, blindMs: 0 };
}

function counted(
  stream: ReadableStream<Uint8Array>,
  count: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done || value === undefined) return controller.close();
        count(value.byteLength);
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
