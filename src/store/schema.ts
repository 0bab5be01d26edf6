/** The tables: Kamailio's are made where they are missing and used as they are where not; ours have versions. */
import { type CreateTableBuilder, type Kysely, sql as raw } from 'kysely';
import { TandemError } from '../base/errors.ts';
import {
  type ColumnType,
  type DialogColumn,
  dialogTypes,
  kamailioVersions,
  type VarsColumn,
  varsTypes,
} from './columns.ts';
import type { Database, Tables } from './database.ts';
import type { StoreSettings } from './options.ts';
import { cdrColumns, cdrTable, extraColumns, extraTable, type OwnColumn } from './own-tables.ts';
import type { DatabaseKind } from './url.ts';

type Sql = Kysely<Tables>;
type Builder = CreateTableBuilder<string, string>;
export type TableSettings = Pick<StoreSettings, 'tableName' | 'columns' | 'varsTableName' | 'varsColumns'>;

/** One row with the number of the last change that was made. */
const versionTable = 'tandem_schema';
const lockName = 'tandem_schema';
const lockKey = 0x74_61_6e_64;
const lockSeconds = 60;

interface Change {
  readonly what: string;
  make(sql: Sql, kind: DatabaseKind): Promise<void>;
}

/** In the order in which they are made; each leaves alone what is there already. A released one never changes. */
const changes: readonly Change[] = [
  {
    what: `table ${extraTable}`,
    make: (sql, kind) => createOwn(sql, kind, extraTable, extraColumns, ['hash_entry', 'hash_id']),
  },
  { what: `table ${cdrTable}`, make: (sql, kind) => createOwn(sql, kind, cdrTable, cdrColumns, ['ended_at']) },
];

export const latestVersion = changes.length;

/** What there is. */
export interface SchemaReport {
  /** Of our own tables; 0: none. */
  readonly version: number;
  /** What is to be done by `migrate`. */
  readonly missing: readonly string[];
  /** What nobody but an operator can put right. */
  readonly problems: readonly string[];
}

/**
 * Brings the database to the newest schema, once, however many processes ask for it.
 * @returns what was made
 * @throws TandemError ERR_STORE_SCHEMA for one of a later version, or for tables that are not Kamailio's
 */
export async function migrate(database: Database, settings: TableSettings): Promise<readonly string[]> {
  return alone(database, async (sql) => {
    const { version, missing, problems } = await inspect(sql, settings);
    if (problems.length > 0) throw new TandemError('ERR_STORE_SCHEMA', problems.join('; '));
    if (missing.length === 0) return missing;
    await createKamailio(sql, database.kind, settings);
    for (const change of changes.slice(version)) await change.make(sql, database.kind);
    await sql.schema.createTable(versionTable).ifNotExists().addColumn('version', 'integer').execute();
    await sql.deleteFrom(versionTable).execute();
    await sql.insertInto(versionTable).values({ version: latestVersion }).execute();
    return missing;
  });
}

export function checkSchema(database: Database, settings: TableSettings): Promise<SchemaReport> {
  return inspect(database.sql, settings);
}

/** No other process is in here at the same time. */
async function alone<T>({ kind, sql }: Database, work: (sql: Sql) => Promise<T>): Promise<T> {
  if (kind !== 'mysql')
    return sql.transaction().execute(async (transaction) => {
      if (kind === 'postgres') await raw`select pg_advisory_xact_lock(${lockKey})`.execute(transaction);
      return work(transaction);
    });
  return sql.connection().execute(async (connection) => {
    const { rows } = await raw<{ got: unknown }>`select get_lock(${lockName}, ${lockSeconds}) as got`.execute(
      connection,
    );
    if (Number(rows[0]?.got) !== 1)
      throw new TandemError('ERR_STORE_SCHEMA', 'another process changes the tables for too long');
    try {
      return await work(connection);
    } finally {
      await raw`select release_lock(${lockName})`.execute(connection);
    }
  });
}

async function inspect(sql: Sql, settings: TableSettings): Promise<SchemaReport> {
  const tables = new Map<string, Set<string>>();
  for (const { name, columns } of await sql.introspection.getTables())
    tables.set(name, new Set(columns.map((column) => column.name.toLowerCase())));
  const missing: string[] = [];
  const problems: string[] = [];
  const kamailio = [
    [settings.tableName, settings.columns, kamailioVersions.dialog],
    [settings.varsTableName, settings.varsColumns, kamailioVersions.vars],
  ] as const;
  for (const [table, columns, wanted] of kamailio) {
    const found = tables.get(table);
    if (!found) {
      missing.push(`table ${table}`);
      continue;
    }
    const lacking = Object.values<string>({ id: 'id', ...columns }).filter((name) => !found.has(name.toLowerCase()));
    if (lacking.length > 0) problems.push(`the table ${table} has no column ${lacking.join(', ')}`);
    const version = tables.has('version') ? await kamailioVersion(sql, table) : undefined;
    if (version !== undefined && version !== wanted)
      problems.push(`the table ${table} has version ${version}, and ${wanted} is needed: bring it there with kamdbctl`);
  }
  const version = tables.has(versionTable) ? await ownVersion(sql) : 0;
  if (version > latestVersion)
    problems.push(
      `the database has the schema ${version} of a later Tandem, and this one knows ${latestVersion}: update Tandem, or name another database`,
    );
  missing.push(...changes.slice(version).map(({ what }) => what));
  return { version, missing, problems };
}

async function kamailioVersion(sql: Sql, table: string): Promise<number | undefined> {
  const row = await sql
    .selectFrom('version')
    .select('table_version')
    .where('table_name', '=', table)
    .executeTakeFirst();
  return row && Number(row.table_version);
}

async function ownVersion(sql: Sql): Promise<number> {
  const row = await sql.selectFrom(versionTable).select('version').executeTakeFirst();
  return Number(row?.version ?? 0);
}

async function createKamailio(sql: Sql, kind: DatabaseKind, settings: TableSettings): Promise<void> {
  const { tableName, columns, varsTableName, varsColumns } = settings;
  const dialogNames = Object.keys(dialogTypes) as DialogColumn[];
  const varsNames = Object.keys(varsTypes) as VarsColumn[];
  const tables = [
    [tableName, dialogNames.map((key) => [columns[key], dialogTypes[key]] as const), columns, kamailioVersions.dialog],
    [
      varsTableName,
      varsNames.map((key) => [varsColumns[key], varsTypes[key]] as const),
      varsColumns,
      kamailioVersions.vars,
    ],
  ] as const;
  const there = new Set((await sql.introspection.getTables()).map(({ name }) => name));
  // Kamailio refuses tables whose version it does not find.
  if (!there.has('version'))
    await sql.schema
      .createTable('version')
      .addColumn('table_name', 'varchar(32)', (column) => column.notNull().primaryKey())
      .addColumn('table_version', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  for (const [table, typed, names, version] of tables) {
    if (there.has(table)) continue;
    let builder: Builder = sql.schema
      .createTable(table)
      .addColumn('id', kind === 'postgres' ? 'serial' : 'integer', (column) =>
        kind === 'postgres' ? column.primaryKey() : column.primaryKey().autoIncrement(),
      );
    for (const [name, type] of typed) builder = addKamailioColumn(builder, name, type);
    await inUnicode(builder, kind).execute();
    const index = sql.schema.createIndex(`${table}_hash_idx`).on(table);
    await index.columns([names.hEntry, names.hId]).execute();
    if ((await kamailioVersion(sql, table)) === undefined)
      await sql.insertInto('version').values({ table_name: table, table_version: version }).execute();
  }
}

/** MySQL's default may have no room for what peers call themselves. */
function inUnicode(builder: Builder, kind: DatabaseKind): Builder {
  return kind === 'mysql' ? builder.modifyEnd(raw`character set utf8mb4`) : builder;
}

function addKamailioColumn(builder: Builder, name: string, type: ColumnType): Builder {
  if (typeof type === 'string') return builder.addColumn(name, 'integer', (column) => column.notNull().defaultTo(0));
  return builder.addColumn(name, `varchar(${type.varchar})`, (column) => (type.nullable ? column : column.notNull()));
}

async function createOwn(
  sql: Sql,
  kind: DatabaseKind,
  table: string,
  columns: Readonly<Record<string, OwnColumn>>,
  indexed: string[],
): Promise<void> {
  if ((await sql.introspection.getTables()).some(({ name }) => name === table)) return;
  let builder: Builder = sql.schema.createTable(table);
  const [key] = Object.keys(columns);
  for (const [name, type] of Object.entries(columns)) {
    const is = { int: 'integer', number: 'double precision', long: kind === 'mysql' ? raw`longtext` : 'text' } as const;
    builder = builder.addColumn(name, typeof type === 'number' ? `varchar(${type})` : is[type], (column) =>
      name === key ? column.notNull().primaryKey() : column,
    );
  }
  await inUnicode(builder, kind).execute();
  await sql.schema.createIndex(`${table}_idx`).on(table).columns(indexed).execute();
}
