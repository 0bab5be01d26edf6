/** The way to the thread that has the SQLite file. */
import { Worker } from 'node:worker_threads';
import { TandemError } from '../../base/errors.ts';
import type { Statement } from '../database.ts';
import type { StatementResult, ThreadAnswer, ThreadRequest } from './sqlite-thread.ts';

interface Waiting {
  resolve(results: readonly StatementResult[]): void;
  reject(error: Error): void;
}

/** What SQLite says of it. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';
  /** SQLite's primary result code. */
  readonly code: number;

  constructor(message: string, errcode: number | undefined) {
    super(message);
    this.code = (errcode ?? 1) & 0xff;
  }
}

export class SqliteLink {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended = Promise.withResolvers<void>();
  #last = 0;
  #over = false;
  /** Who has the connection: one transaction at a time. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: ThreadAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#end(error));
    worker.on('exit', () => this.#end(new TandemError('ERR_STORE', 'the database thread ended')));
  }

  /** @throws SqliteError */
  static async open(path: string): Promise<SqliteLink> {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const entry = new URL(`./sqlite-thread.${extension}`, import.meta.url);
    const link = new SqliteLink(new Worker(entry, { workerData: { path }, name: 'store' }));
    await new Promise((resolve, reject) => link.#waiting.set(0, { resolve, reject }));
    return link;
  }

  run(statements: readonly Statement[], atomic: boolean): Promise<readonly StatementResult[]> {
    if (this.#over) return Promise.reject(new TandemError('ERR_STORE', 'the database is closed'));
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, statements, atomic } satisfies ThreadRequest);
    });
  }

  /** Waits for its turn to have the connection alone. @returns gives it back */
  async take(): Promise<() => void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    return resolve;
  }

  async close(): Promise<void> {
    if (!this.#over) this.#worker.postMessage('close');
    await this.#ended.promise;
  }

  #answered(answer: ThreadAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('results' in answer) waiting?.resolve(answer.results);
    else waiting?.reject(new SqliteError(answer.error.message, answer.error.errcode));
  }

  #end(error: Error): void {
    this.#over = true;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#ended.resolve();
  }
}
