/** PostgreSQL, by the package `pg`. */
import { Kysely, PostgresDialect } from 'kysely';
import { ConfigError, messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Database, Tables } from '../database.ts';
import { transactionOn } from './transaction.ts';

/** One writes, one reads. */
const connections = 2;
const connectMs = 5_000;
/** A connection that is silent for longer is given up. */
const queryMs = 10_000;

export async function openPostgres(url: string, logger: Logger): Promise<Database> {
  const { default: pg } = await load();
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: connectMs,
    query_timeout: queryMs,
    keepAlive: true,
  });
  const broke = (error: Error): void => logger.debug({ error: messageOf(error) }, 'a database connection broke');
  // The pool hears of connections that nobody uses. One that breaks between two statements would end the process.
  pool.on('error', broke);
  pool.on('connect', (client) => client.on('error', broke));
  const sql = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    kind: 'postgres',
    sql,
    batch: (statements) => transactionOn(sql, statements),
    // Class 22 is of values, 23 of constraints.
    isRefusal: (error) => /^2[23]/.test(String((error as { code?: unknown } | null)?.code)),
    explain: (error) => explain(error),
    close: () => sql.destroy(),
  };
}

async function load(): Promise<typeof import('pg')> {
  try {
    return await import('pg');
  } catch (error) {
    throw new ConfigError('a postgres:// database needs the package pg: npm install pg', { cause: error });
  }
}

function explain(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: string };
  const text = messageOf(error) || String(code);
  if (code === '53100') return `the disk of the database is full (${text})`;
  if (code === '28P01' || code === '28000') return `the database refuses the user or the password (${text})`;
  if (code === '3D000') return `${text}: create it, as by: createdb <name>`;
  if (code === '42501') return `the database user may not do this (${text}): GRANT it the rights on the tables`;
  return text;
}
