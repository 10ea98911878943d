/** Many hostile requests over several connections at once; the faults found, each with how to repeat it. */
import type { Daemon } from "../daemon.ts";
import { type Answer, Connection, GarbledAnswer } from "./connection.ts";
import { Targets } from "./fixtures.ts";
import { Generator } from "./generate.ts";
import { findFault } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import type { Api } from "./operations.ts";
import type { HostileRequest } from "./request.ts";

/** Within this every request is answered. */
const patience = 10_000;
/** What may rightly wait is given up after this. */
const shortly = 300;

export interface Range {
  from: number;
  to: number;
}

export class Campaign {
  readonly targets: Targets;
  readonly faults: string[] = [];
  /** How often each status was answered. */
  readonly statuses = new Map<number | string, number>();
  slowest = 0;
  readonly #daemon: Daemon;
  readonly #generator: Generator;
  readonly #seed: number;
  #ledger = new Ledger();

  constructor(daemon: Daemon, api: Api, seed: number) {
    this.#daemon = daemon;
    this.targets = new Targets(daemon);
    this.#seed = seed;
    this.#generator = new Generator(api, seed, this.targets);
  }

  /** One batch: what `send` says, then everything removed again. */
  async batch(range: Range): Promise<void> {
    await this.send(range);
    await this.targets.clear();
  }

  /** Targets made, requests sent, books compared. */
  async send({ from, to }: Range, connections = 8): Promise<void> {
    this.#ledger = new Ledger();
    await this.targets.restore();
    let next = from;
    const work = async (): Promise<void> => {
      using worker = new Worker(this.#daemon.socket);
      while (next < to) {
        const index = next++;
        await this.#one(worker, index);
      }
    };
    await Promise.all(Array.from({ length: connections }, work));
    this.faults.push(...(await this.#ledger.check(this.#daemon, this.targets.containers)));
  }

  async #one(worker: Worker, index: number): Promise<void> {
    const request = this.#generator.make(index);
    const begun = performance.now();
    const answers = await worker.send(request);
    const took = performance.now() - begun;
    if (!request.mayWait && request.framing !== "broken")
      this.slowest = Math.max(this.slowest, took);
    for (const answer of answers) {
      const key = typeof answer === "string" ? answer : answer.status;
      this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
      if (typeof answer === "string") {
        if (answer === "closed") continue;
        this.#ledger.unheard();
        if (answer !== "unheard") this.#fault(index, request, answer);
        continue;
      }
      this.#ledger.note(request.method, answer);
      const fault = findFault(request, answer);
      if (fault !== undefined) this.#fault(index, request, fault);
    }
    const last = answers.at(-1);
    const isChange = /DELETE|rename|prune|commit/.test(`${request.method} ${request.path}`);
    if (isChange && typeof last === "object" && last.status < 300) await this.targets.restore();
  }

  #fault(index: number, { label, bytes }: HostileRequest, what: string): void {
    const head = Buffer.from(bytes.subarray(0, 700)).toString("latin1");
    this.faults.push(
      `seed ${this.#seed}, request ${index} (${label}): ${what}\n    ${JSON.stringify(head)}`,
    );
  }
}

/** One connection after another, each used as long as the server keeps it. */
class Worker implements Disposable {
  readonly #socket: string;
  #connection: Connection | undefined;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Answers, or words for what came instead: "unheard" and "closed" are all right, others are faults. */
  async send(request: HostileRequest): Promise<(Answer | string)[]> {
    try {
      return await this.#send(request);
    } catch (error) {
      if (!(error instanceof GarbledAnswer)) throw error;
      this[Symbol.dispose]();
      return [error.message];
    }
  }

  async #send(request: HostileRequest): Promise<(Answer | string)[]> {
    if (request.framing !== "whole") return await this.#sendOnce(request);
    const connection = await this.#open();
    connection.send(request.bytes);
    const answer = await connection.answer(request.method, request.mayWait ? shortly : patience);
    if (typeof answer !== "object" || answer.isLast) this[Symbol.dispose]();
    if (answer === undefined) return ["connection closed without an answer"];
    if (answer === "silent") return [request.mayWait ? "unheard" : `no answer in ${patience} ms`];
    return [answer];
  }

  /** On a connection of its own, whose end is awaited. */
  async #sendOnce(request: HostileRequest): Promise<(Answer | string)[]> {
    using connection = await Connection.open(this.#socket);
    connection.send(request.bytes);
    if (request.framing === "dropped") return ["unheard"];
    connection.end();
    const answers: (Answer | string)[] = [];
    for (;;) {
      const answer = await connection.answer(request.method, request.mayWait ? shortly : patience);
      if (answer === undefined) return answers.length === 0 ? ["closed"] : answers;
      if (answer === "silent")
        return [
          ...answers,
          request.mayWait ? "unheard" : `neither answer nor end in ${patience} ms`,
        ];
      answers.push(answer);
      if (answer.isOpen) return answers;
    }
  }

  async #open(): Promise<Connection> {
    if (this.#connection?.isClosed !== false) {
      this.#connection?.[Symbol.dispose]();
      this.#connection = await Connection.open(this.#socket);
    }
    return this.#connection;
  }

  [Symbol.dispose](): void {
    this.#connection?.[Symbol.dispose]();
    this.#connection = undefined;
  }
}
