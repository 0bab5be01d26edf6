/** Call detail records on their way into the database: each once, however often it is given. */
import { TandemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Cdr } from '../cdr/cdr.ts';
import type { Database } from './database.ts';
import { type CdrRow, cdrColumns, cdrTable, columnNames, fittedOwn } from './own-tables.ts';
import { TableWriter } from './table-writer.ts';

/** That wait for the database. */
const mostWaiting = 10_000;
const mostAtOnce = 100;
/** Rows that one statement removes: a table is not locked for long. */
const pieceOfOld = 500;
const dayS = 86_400;

interface Waiting {
  readonly cdr: Cdr;
  readonly written: PromiseWithResolvers<void>;
}

export class CdrWriter {
  readonly #server: string;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Waiting>();
  #table: TableWriter<CdrRow> | undefined;
  #dropped = 0;

  constructor(server: string, logger: Logger) {
    this.#server = server;
    this.#logger = logger;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  /** Refused by us, for want of room, or by the database. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Resolves when it is in the database. @throws TandemError ERR_STORE when it will not be */
  add(cdr: Cdr): Promise<void> {
    const same = this.#waiting.get(cdr.id);
    if (same) return same.written.promise;
    if (this.#waiting.size >= mostWaiting) {
      this.#dropped++;
      return Promise.reject(new TandemError('ERR_STORE', `${mostWaiting} call detail records wait for the database`));
    }
    const written = Promise.withResolvers<void>();
    // Who does not wait for it is not told, and the log has it.
    written.promise.catch(() => {});
    this.#waiting.set(cdr.id, { cdr, written });
    return written.promise;
  }

  /** As `DialogWriter.write`. */
  async write(database: Database): Promise<void> {
    while (this.#waiting.size > 0) {
      const some: Waiting[] = [];
      for (const one of this.#waiting.values()) if (some.push(one) === mostAtOnce) break;
      await this.#write(database, some);
    }
  }

  /** Removes those of calls that ended before. @param now Unix seconds */
  async removeOld(database: Database, days: number, now: number): Promise<number> {
    const { sql } = database;
    for (let removed = 0; ; ) {
      const old = await sql
        .selectFrom(cdrTable)
        .select('id')
        .where('ended_at', '<', now - days * dayS)
        .limit(pieceOfOld)
        .execute();
      if (old.length === 0) return removed;
      const ids = old.map(({ id }) => id);
      await sql.deleteFrom(cdrTable).where('id', 'in', ids).execute();
      removed += old.length;
    }
  }

  /** Nothing is written any more. */
  close(): void {
    for (const { written } of this.#waiting.values())
      written.reject(new TandemError('ERR_STORE', 'the store was closed before it could write this'));
    this.#waiting.clear();
  }

  async #write(database: Database, some: readonly Waiting[]): Promise<void> {
    this.#table ??= new TableWriter<CdrRow>(database.sql, cdrTable, columnNames(cdrColumns), ['id']);
    const rows = some.map(({ cdr }) => cdrRowOf(cdr, this.#server));
    try {
      await database.batch(this.#table.insertMissing(rows, database.kind === 'mysql'));
      for (const { cdr, written } of some) {
        this.#waiting.delete(cdr.id);
        written.resolve();
      }
    } catch (error) {
      if (!database.isRefusal(error)) throw error;
      if (some.length > 1) {
        for (const one of some) await this.#write(database, [one]);
        return;
      }
      for (const { cdr, written } of some) {
        this.#dropped++;
        this.#waiting.delete(cdr.id);
        const reason = database.explain(error);
        this.#logger.error({ id: cdr.id, error: reason }, 'the database refuses a call detail record');
        written.reject(new TandemError('ERR_STORE', `the database refuses it: ${reason}`, { cause: error }));
      }
    }
  }
}

function cdrRowOf(cdr: Cdr, server: string): CdrRow {
  const [caller, callee] = cdr.legs;
  const row: CdrRow = {
    id: cdr.id,
    server,
    hash_entry: cdr.hEntry,
    hash_id: cdr.hId,
    from_uri: cdr.fromUri,
    to_uri: cdr.toUri,
    request_uri: cdr.requestUri,
    caller_callid: caller?.callId ?? null,
    callee_callid: callee?.callId ?? null,
    began_at: cdr.beganAt,
    answered_at: cdr.answeredAt,
    ended_at: cdr.endedAt,
    duration: cdr.duration,
    cause: cdr.cause.by,
    status: cdr.cause.status ?? null,
    reason: cdr.cause.reason ?? null,
    ended_by: cdr.endedBy,
    caller_codec: caller?.codec ?? null,
    callee_codec: callee?.codec ?? null,
    caller_mos: caller?.mos ?? null,
    callee_mos: callee?.mos ?? null,
    recording: cdr.recordings.length === 0 ? null : cdr.recordings.join(';'),
    data: JSON.stringify(cdr),
  };
  return fittedOwn(row, cdrColumns);
}
