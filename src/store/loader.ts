/** Reads the calls that are in the database, page by page. */
import { TandemError } from '../base/errors.ts';
import { hashSlot } from '../registry/hash.ts';
import type { StoredDialog } from '../registry/stored-dialog.ts';
import { mayBeCut } from './columns.ts';
import type { Database, Row } from './database.ts';
import { type DialogRow, dialogRowIn, storedDialogIn } from './dialog-rows.ts';
import type { StoreSettings } from './options.ts';
import { type ExtraRow, extraColumns, extraTable } from './own-tables.ts';

export interface LoadedDialog {
  readonly stored: StoredDialog;
  readonly row: DialogRow;
  /** None of a call that is not of a Tandem. */
  readonly extra: ExtraRow | undefined;
}

export type LoadSettings = Pick<StoreSettings, 'tableName' | 'columns' | 'varsTableName' | 'varsColumns' | 'fetchRows'>;

/**
 * @param hashSize slots of the registry
 * @throws TandemError ERR_STORE_HASH for a call in another slot than it would have here
 */
export async function* loadDialogs(
  database: Database,
  settings: LoadSettings,
  hashSize: number,
): AsyncGenerator<LoadedDialog[], void, void> {
  const variables = await loadVariables(database, settings);
  for await (const page of pages(database, settings.tableName, settings.fetchRows)) {
    const rows = page.map((row) => dialogRowIn(row, settings.columns));
    const extras = await extrasOf(database, rows);
    yield rows.flatMap((row) => {
      const stored = storedDialogIn(row, variables.get(keyOf(row.hEntry, row.hId)) ?? new Map());
      if (!stored) return [];
      if (!mayBeCut(stored.callId) && hashSlot(stored.callId, hashSize) !== stored.hEntry)
        throw otherSlots(settings.tableName);
      return [{ stored, row, extra: extras.get(`${keyOf(row.hEntry, row.hId)} ${row.callId}`) }];
    });
  }
}

/** As Kamailio says it. */
function otherSlots(table: string): TandemError {
  return new TandemError(
    'ERR_STORE_HASH',
    `inconsistent hash data in the dialog database: it was written with a different registry.hashSize (hash_size): set that one, or erase the table ${table} and start again`,
  );
}

async function loadVariables(
  database: Database,
  { varsTableName, varsColumns, fetchRows }: LoadSettings,
): Promise<ReadonlyMap<string, Map<string, string>>> {
  const { hEntry, hId, key, value } = varsColumns;
  const all = new Map<string, Map<string, string>>();
  for await (const page of pages(database, varsTableName, fetchRows))
    for (const row of page) {
      const call = keyOf(row[hEntry], row[hId]);
      const own = all.get(call) ?? new Map<string, string>();
      all.set(call, own.set(String(row[key]), String(row[value])));
    }
  return all;
}

async function extrasOf({ sql }: Database, rows: readonly DialogRow[]): Promise<ReadonlyMap<string, ExtraRow>> {
  if (rows.length === 0) return new Map();
  const found = await sql
    .selectFrom(extraTable)
    .selectAll()
    .where('hash_entry', 'in', [...new Set(rows.map(({ hEntry }) => hEntry))])
    .where('hash_id', 'in', [...new Set(rows.map(({ hId }) => hId))])
    .execute();
  return new Map(found.map((row) => [`${keyOf(row.hash_entry, row.hash_id)} ${row.callid}`, extraRowIn(row)]));
}

function extraRowIn(row: Row): ExtraRow {
  return Object.fromEntries(Object.keys(extraColumns).map((name) => [name, row[name] ?? null])) as ExtraRow;
}

/** By the number of the row: what is written meanwhile moves no page. @param size 0: all at once */
async function* pages({ sql }: Database, table: string, size: number): AsyncGenerator<Row[], void, void> {
  for (let last: unknown; ; ) {
    let query = sql.selectFrom(table).selectAll().orderBy('id');
    if (last !== undefined) query = query.where('id', '>', last);
    if (size > 0) query = query.limit(size);
    const page = await query.execute();
    if (page.length > 0) yield page;
    if (size === 0 || page.length < size) return;
    last = page.at(-1)?.id;
  }
}

function keyOf(hEntry: unknown, hId: unknown): string {
  return `${hEntry} ${hId}`;
}
