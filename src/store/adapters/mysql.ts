/** MySQL and MariaDB, by the package `mysql2`. */
import { Kysely, MysqlDialect } from 'kysely';
import { ConfigError, messageOf } from '../../base/errors.ts';
import type { Database, Tables } from '../database.ts';
import { transactionOn } from './transaction.ts';

/** One writes, one reads. */
const connections = 2;
const connectMs = 5_000;

/** Data too long, out of range, wrong string, NULL, duplicate, foreign key. */
const refusals: ReadonlySet<number> = new Set([1048, 1062, 1264, 1265, 1366, 1406, 1452]);

export async function openMysql(url: string): Promise<Database> {
  const { createPool } = await load();
  const pool = createPool({
    uri: url.replace(/^mariadb:/, 'mysql:'),
    connectionLimit: connections,
    connectTimeout: connectMs,
    enableKeepAlive: true,
    charset: 'utf8mb4',
  });
  const sql = new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) });
  return {
    kind: 'mysql',
    sql,
    batch: (statements) => transactionOn(sql, statements),
    isRefusal: (error) => refusals.has(Number((error as { errno?: unknown } | null)?.errno)),
    explain: (error) => explain(error),
    close: () => sql.destroy(),
  };
}

async function load(): Promise<typeof import('mysql2')> {
  try {
    return await import('mysql2');
  } catch (error) {
    throw new ConfigError('a mysql:// database needs the package mysql2: npm install mysql2', { cause: error });
  }
}

function explain(error: unknown): string {
  const { errno, code } = (error ?? {}) as { readonly errno?: number; readonly code?: string };
  const text = messageOf(error) || String(code);
  if (errno === 1021 || errno === 1114) return `the disk of the database is full (${text})`;
  if (errno === 1045) return `the database refuses the user or the password (${text})`;
  if (errno === 1049) return `${text}: create it, as by: CREATE DATABASE <name>`;
  if (errno === 1044 || errno === 1142) return `the database user may not do this (${text}): GRANT it the rights`;
  if (errno === 1290) return `the database is read-only (${text})`;
  return text;
}
