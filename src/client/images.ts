import type { DifferenceLine, ImageAnatomy } from "../api/anatomy.ts";
import { routes } from "../api/routes.ts";
import type { HistoryItem, ProgressMessage } from "../api/types.ts";
import { readJsonStream } from "./json-stream.ts";
import type { Reply, Transport } from "./transport.ts";

/** Names, history and archives of images. */
export class ImagesClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async tag(name: string, repository: string, tag: string): Promise<void> {
    const options = { path: { name }, query: { repo: repository, tag } };
    await (await this.#transport.request(routes.imageTag, options)).body.bytes();
  }

  /** Pushes one tag of a repository, or all of them without one, reporting as it goes. */
  async *push(
    repository: string,
    options: {
      tag: string | undefined;
      platform: string | undefined;
      /** Value of X-Registry-Auth. */
      auth: string | undefined;
    },
  ): AsyncGenerator<ProgressMessage> {
    const { tag, platform, auth } = options;
    const headers: Record<string, string> = auth === undefined ? {} : { "X-Registry-Auth": auth };
    const sent = { path: { name: repository }, query: { tag, platform }, headers };
    const reply = await this.#transport.request(routes.imagePush, sent);
    yield* readJsonStream<ProgressMessage>(reply.body);
  }

  /** One archive of all of them. */
  async save(names: string[], platform: string | undefined): Promise<Reply> {
    const query = { names, platform };
    return await this.#transport.request(routes.imageSaveAll, { query });
  }

  /** Resolves once the engine has all of the archive and begins to tell. */
  async load(
    archive: AsyncIterable<Uint8Array>,
    options: { quiet: boolean; platform: string | undefined },
  ): Promise<AsyncGenerator<ProgressMessage>> {
    const query = { quiet: options.quiet || undefined, platform: options.platform };
    const headers = { "Content-Type": "application/x-tar" };
    const sent = { query, headers, body: archive };
    const reply = await this.#transport.request(routes.imageLoad, sent);
    return readJsonStream<ProgressMessage>(reply.body);
  }

  /** Makes an image of an archive of a root; tells its id. */
  async import(
    archive: AsyncIterable<Uint8Array>,
    options: {
      source: string;
      repository: string;
      tag: string;
      message: string | undefined;
      platform: string | undefined;
      changes: string[];
    },
  ): Promise<AsyncGenerator<ProgressMessage>> {
    const { source, repository, tag, message, platform, changes } = options;
    const query = {
      ...{ fromSrc: source, repo: repository || undefined, tag: tag || undefined },
      ...{ message, platform, changes },
    };
    const headers = { "Content-Type": "application/x-tar" };
    const sent = { query, headers, body: archive };
    const reply = await this.#transport.request(routes.imageCreate, sent);
    return readJsonStream<ProgressMessage>(reply.body);
  }

  /** What each layer brings and hides. */
  async tree(name: string): Promise<ImageAnatomy> {
    const reply = await this.#transport.request(routes.imageTree, { query: { name } });
    return JSON.parse(await reply.body.text());
  }

  /** What differs between two images, as it is found. */
  async *diff(before: string, after: string): AsyncGenerator<DifferenceLine> {
    const reply = await this.#transport.request(routes.imageDiff, { query: { before, after } });
    yield* readJsonStream<DifferenceLine>(reply.body);
  }

  /** Newest step first. */
  async history(name: string, platform: string | undefined): Promise<HistoryItem[]> {
    const options = { path: { name }, query: { platform } };
    const reply = await this.#transport.request(routes.imageHistory, options);
    return JSON.parse(await reply.body.text());
  }
}
