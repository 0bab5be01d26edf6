/** SQLite by `node:sqlite`, in a thread of its own, as a dialect of Kysely. */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { messageOf } from '../../base/errors.ts';
import type { Database, Tables } from '../database.ts';
import { SqliteError, SqliteLink } from './sqlite-link.ts';

/** https://www.sqlite.org/rescode.html */
const code = { full: 13, corrupt: 11, notADatabase: 26, readOnly: 8, cannotOpen: 14, ioError: 10, busy: 5 } as const;
const refusals: readonly number[] = [18, 19, 20]; // TOOBIG, CONSTRAINT, MISMATCH

export async function openSqlite(path: string): Promise<Database> {
  let link: SqliteLink;
  try {
    link = await SqliteLink.open(path);
  } catch (error) {
    throw new Error(explain(path, error), { cause: error });
  }
  const sql = new Kysely<Tables>({ dialect: dialectOver(link) });
  return {
    kind: 'sqlite',
    sql,
    async batch(statements) {
      const release = await link.take();
      try {
        await link.run(statements, true);
      } finally {
        release();
      }
    },
    isRefusal: (error) => error instanceof SqliteError && refusals.includes(error.code),
    explain: (error) => explain(path, error),
    close: () => sql.destroy().then(() => link.close()),
  };
}

function dialectOver(link: SqliteLink): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new LinkDriver(link),
    createIntrospector: (sql) => new SqliteIntrospector(sql),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class LinkDriver implements Driver {
  readonly #link: SqliteLink;
  readonly #releases = new WeakMap<DatabaseConnection, () => void>();

  constructor(link: SqliteLink) {
    this.#link = link;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const release = await this.#link.take();
    const connection = new LinkConnection(this.#link);
    this.#releases.set(connection, release);
    return connection;
  }

  /** At once for writing: two processes that read first and write then would each wait for the other. */
  async beginTransaction(): Promise<void> {
    await this.#exec('begin immediate');
  }

  async commitTransaction(): Promise<void> {
    await this.#exec('commit');
  }

  async rollbackTransaction(): Promise<void> {
    await this.#exec('rollback');
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#releases.get(connection)?.();
  }

  async destroy(): Promise<void> {}

  async #exec(sql: string): Promise<void> {
    await this.#link.run([{ sql, parameters: [] }], false);
  }
}

class LinkConnection implements DatabaseConnection {
  readonly #link: SqliteLink;

  constructor(link: SqliteLink) {
    this.#link = link;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const [result] = await this.#link.run([{ sql, parameters }], false);
    return { rows: (result?.rows ?? []) as R[], numAffectedRows: BigInt(result?.changes ?? 0) };
  }

  // biome-ignore lint/correctness/useYield: nobody streams
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error('rows of SQLite are not streamed');
  }
}

function explain(path: string, error: unknown): string {
  const text = messageOf(error);
  if (!(error instanceof SqliteError)) return text;
  switch (error.code) {
    case code.corrupt:
    case code.notADatabase:
      return `the database file ${path} is damaged, or is none (${text}): move it away, or put back a copy of it`;
    case code.readOnly:
      return `the database file ${path} cannot be written (${text}): give this user the right to write it and its folder`;
    case code.full:
      return `the disk of the database file ${path} is full (${text}): make room on it`;
    case code.cannotOpen:
      return `the database file ${path} cannot be opened (${text}): look at the rights of its folder`;
    case code.busy:
      return `the database file ${path} is in use by another process for too long (${text})`;
    case code.ioError:
      return `the disk of the database file ${path} fails (${text})`;
    default:
      return `the database file ${path}: ${text}`;
  }
}
