/** `tandem db`: the tables made, looked at, and read out. */
import { ConfigError, messageOf } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import { type Database, openDatabase, type Row } from '../store/database.ts';
import { type StoreOptions, type StoreSettings, storeSettings } from '../store/options.ts';
import { cdrTable, extraTable } from '../store/own-tables.ts';
import { checkSchema, migrate } from '../store/schema.ts';
import { maskedUrl, parseStoreUrl } from '../store/url.ts';
import { loadSettings } from './settings.ts';
import { storeOf } from './store-options.ts';

export interface DbOptions {
  readonly url?: string;
  readonly config?: string;
}

/** Rows that are read at once. */
const pageSize = 500;

export async function migrateDb(options: DbOptions): Promise<number> {
  return withDatabase(options, async (database, settings, shown) => {
    const made = await migrate(database, settings);
    print(made.length === 0 ? `${shown}: up to date` : `${shown}: made ${made.join(', ')}`);
    return 0;
  });
}

export async function checkDb(options: DbOptions): Promise<number> {
  return withDatabase(options, async (database, settings, shown) => {
    const { version, missing, problems } = await checkSchema(database, settings);
    const findings = [
      ...problems.map((problem) => `FAIL  ${problem}`),
      ...missing.map(
        (what) => `warn  missing: ${what}: tandem db migrate makes it, and so does the start of the server`,
      ),
    ];
    if (problems.length === 0 && missing.length === 0)
      findings.push(...(await contents(database, settings)), `ok    schema ${version}`);
    for (const line of findings) print(line);
    print(`${shown}: ${problems.length > 0 ? 'cannot be used' : missing.length > 0 ? 'is to be migrated' : 'is well'}`);
    return problems.length > 0 ? 1 : 0;
  });
}

/** What is in the tables that should not be. */
async function contents({ sql }: Database, { tableName, columns }: StoreSettings): Promise<string[]> {
  const count = async (table: string): Promise<number> => {
    const { rows } = await sql
      .selectFrom(table)
      .select((build) => build.fn.countAll().as('count'))
      .execute()
      .then((rows) => ({ rows }));
    return Number(rows[0]?.count ?? 0);
  };
  const findings = [];
  for (const table of [tableName, extraTable, cdrTable]) findings.push(`ok    ${await count(table)} rows in ${table}`);
  const odd = await sql
    .selectFrom(tableName)
    .select(columns.callId)
    .where(columns.state, 'not in', [3, 4])
    .limit(1)
    .execute();
  if (odd.length > 0)
    findings.push(`warn  ${tableName} has rows in another state than 3 or 4: nobody reads them; delete them`);
  return findings;
}

export async function exportDb(what = 'dialogs', options: DbOptions): Promise<number> {
  if (what !== 'dialogs' && what !== 'cdrs') throw new ConfigError(`export takes dialogs or cdrs, not ${what}`);
  return withDatabase(options, async (database, settings) => {
    const [table, key] = what === 'dialogs' ? [settings.tableName, 'id'] : [cdrTable, 'id'];
    const shape = what === 'dialogs' ? dialogShape(database, settings) : async (rows: Row[]) => rows.map(cdrOf);
    for (let last: unknown; ; ) {
      let query = database.sql.selectFrom(table).selectAll().orderBy(key).limit(pageSize);
      if (last !== undefined) query = query.where(key, '>', last);
      const rows = await query.execute();
      for (const one of await shape(rows)) await write(`${JSON.stringify(one)}\n`);
      if (rows.length < pageSize) return 0;
      last = rows.at(-1)?.[key];
    }
  });
}

/** The rows as they are, each with its variables. */
function dialogShape(
  { sql }: Database,
  { columns, varsTableName, varsColumns }: StoreSettings,
): (rows: Row[]) => Promise<unknown[]> {
  return async (rows) => {
    if (rows.length === 0) return [];
    const slots = [...new Set(rows.map((row) => row[columns.hEntry]))];
    const variables = await sql.selectFrom(varsTableName).selectAll().where(varsColumns.hEntry, 'in', slots).execute();
    return rows.map((row) => {
      const own = variables.filter(
        (one) => one[varsColumns.hEntry] === row[columns.hEntry] && one[varsColumns.hId] === row[columns.hId],
      );
      const pairs = own.map((one) => [String(one[varsColumns.key]), one[varsColumns.value]]);
      return { ...row, variables: Object.fromEntries(pairs) };
    });
  };
}

function cdrOf({ id, data }: Row): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return { id, data };
  }
}

async function withDatabase(
  options: DbOptions,
  work: (database: Database, settings: StoreSettings, shown: string) => Promise<number>,
): Promise<number> {
  const store = storeIn(options);
  const database = await openDatabase(parseStoreUrl(store.url), createLogger('error'));
  try {
    return await work(database, storeSettings(store), maskedUrl(store.url));
  } catch (error) {
    throw error instanceof ConfigError ? error : new Error(`${maskedUrl(store.url)}: ${explained(database, error)}`);
  } finally {
    await database.close();
  }
}

function explained(database: Database, error: unknown): string {
  return database.explain(error) || messageOf(error);
}

/** @throws ConfigError where there is no database */
function storeIn({ url, config: file }: DbOptions): StoreOptions {
  const { config } = loadSettings(file === undefined ? {} : { config: file });
  const store = storeOf(config.store, url);
  if (!store)
    throw new ConfigError('there is no database: the configuration says store.url: none; name one with --url');
  return store;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Waits for a reader that is slower than the database. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
