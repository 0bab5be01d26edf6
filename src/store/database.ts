/** A database as the store uses it. What differs between the three kinds is behind this, in `adapters/`. */
import type { Kysely } from 'kysely';
import type { Logger } from '../base/log.ts';
import type { DatabaseKind, StoreUrl } from './url.ts';

export type Row = Record<string, unknown>;
/** Tables and columns have the names that the settings give them. */
export type Tables = Record<string, Row>;

/** SQL that is ready to be run. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export interface Database {
  readonly kind: DatabaseKind;
  readonly sql: Kysely<Tables>;
  /** All of them or none, in one transaction. */
  batch(statements: readonly Statement[]): Promise<void>;
  /** Whether a value was refused: it would be refused again. Everything else may go well another time. */
  isRefusal(error: unknown): boolean;
  /** In one line, with what to do about it. */
  explain(error: unknown): string;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * Loads what that kind of database needs, and connects.
 * @throws ConfigError when a package is missing; whatever the database says
 */
export async function openDatabase(url: StoreUrl, logger: Logger): Promise<Database> {
  if (url.kind === 'sqlite') return (await import('./adapters/sqlite.ts')).openSqlite(url.path);
  if (url.kind === 'postgres') return (await import('./adapters/postgres.ts')).openPostgres(url.url, logger);
  return (await import('./adapters/mysql.ts')).openMysql(url.url);
}
