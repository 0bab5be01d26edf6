/** The thread that has the SQLite file: what it writes to disk never holds up a call. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { Statement } from '../database.ts';

export interface ThreadRequest {
  readonly id: number;
  readonly statements: readonly Statement[];
  /** All or none. */
  readonly atomic: boolean;
}

export interface StatementResult {
  readonly rows: unknown[];
  readonly changes: number;
}

/** The first one is of the opening, with id 0. */
export type ThreadAnswer =
  | { readonly id: number; readonly results: readonly StatementResult[] }
  | { readonly id: number; readonly error: { readonly message: string; readonly errcode: number | undefined } };

/** How long another process may have the file, ms. */
const busyMs = 5_000;
/** Statements that are kept ready. */
const mostReady = 300;

const port = parentPort;
const { path } = workerData as { readonly path: string };

function open(): DatabaseSync {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
  const opened = new DatabaseSync(path, { timeout: busyMs });
  opened.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  return opened;
}

function serve(database: DatabaseSync): void {
  const ready = new Map<string, { readonly statement: StatementSync; readonly reads: boolean }>();
  const prepared = (sql: string): { readonly statement: StatementSync; readonly reads: boolean } => {
    const known = ready.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    const made = { statement, reads: statement.columns().length > 0 };
    if (ready.size >= mostReady) ready.clear();
    ready.set(sql, made);
    return made;
  };
  const run = ({ sql, parameters }: Statement): StatementResult => {
    const { statement, reads } = prepared(sql);
    const values = parameters as never[];
    if (reads) return { rows: statement.all(...values), changes: 0 };
    return { rows: [], changes: Number(statement.run(...values).changes) };
  };
  const all = (statements: readonly Statement[], atomic: boolean): StatementResult[] => {
    if (!atomic) return statements.map(run);
    database.exec('BEGIN IMMEDIATE');
    try {
      const results = statements.map(run);
      database.exec('COMMIT');
      return results;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
  port?.on('message', (request: ThreadRequest | 'close') => {
    if (request === 'close') {
      database.close();
      port.close();
      return;
    }
    try {
      port.postMessage({ id: request.id, results: all(request.statements, request.atomic) } satisfies ThreadAnswer);
    } catch (error) {
      fail(request.id, error);
    }
  });
}

function fail(id: number, error: unknown): void {
  const { message, errcode } = error as Error & { readonly errcode?: number };
  port?.postMessage({ id, error: { message, errcode } } satisfies ThreadAnswer);
}

try {
  serve(open());
  port?.postMessage({ id: 0, results: [] } satisfies ThreadAnswer);
} catch (error) {
  fail(0, error);
  port?.close();
}
