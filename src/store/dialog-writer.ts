/**
 * Which rows there are of each call, and what of them is to be changed. Of a call only its latest state is kept, so
 * that a database that is away for long costs no more than one entry for each call.
 */
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { DialogRecord } from '../registry/record.ts';
import { storedCallId } from './columns.ts';
import type { Database, Statement } from './database.ts';
import { type DialogRow, dialogRowOf, extraRowOf, isStored, legsOf, type VarRow, variablesOf } from './dialog-rows.ts';
import type { StoreSettings } from './options.ts';
import { columnNames, type ExtraRow, extraColumns, extraTable } from './own-tables.ts';
import { TableWriter } from './table-writer.ts';

/** Calls of one transaction: the rows of so many are made without holding up anybody. */
const mostCalls = 25;

export interface WriterOptions {
  readonly settings: Pick<StoreSettings, 'tableName' | 'columns' | 'varsTableName' | 'varsColumns'>;
  readonly server: string;
  readonly logger: Logger;
  /** Of the JSON of legs what is written. */
  sealed(json: string): string;
}

/** What is in the database of one call. */
export interface KeptRows {
  readonly dialog: DialogRow;
  /** None of a call that another server set up. */
  readonly extra: ExtraRow | undefined;
  readonly variables: ReadonlyMap<string, string>;
}

/** What says in each table which rows are meant. */
export interface RowNames extends Readonly<Record<string, unknown>> {
  readonly hEntry: number;
  readonly hId: number;
  readonly callId: string;
  readonly record_id: unknown;
}

interface Kept {
  /** Undefined: nothing yet. */
  rows: KeptRows | undefined;
  /** A write failed, and may have been done all the same. */
  unsure: boolean;
}

interface Plan {
  readonly record: DialogRecord;
  readonly before: KeptRows | undefined;
  /** Undefined: no rows. */
  readonly after: KeptRows | undefined;
  /** What may be there goes first. */
  readonly anew: boolean;
}

export class DialogWriter {
  readonly #options: WriterOptions;
  /** Calls with rows. */
  readonly #kept = new Map<DialogRecord, Kept>();
  readonly #changed = new Set<DialogRecord>();
  /** Those with rows that are over. */
  readonly #ended = new Set<DialogRecord>();
  readonly #suspects = new Set<DialogRecord>();
  /** The JSON of legs before it was sealed. */
  readonly #legs = new WeakMap<ExtraRow, string>();
  /** Being written, on the connection of this number: what comes of an earlier one is not heard any more. */
  #writing: readonly DialogRecord[] = [];
  #connection = 0;
  #tables: Tables | undefined;
  #refused = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Calls whose rows are not what they should be. */
  get pending(): number {
    return this.#changed.size + this.#ended.size;
  }

  /** Rows that the database did not take. */
  get refused(): number {
    return this.#refused;
  }

  /** @returns what is to be written of it now: `ended` its rows are to go */
  touch(record: DialogRecord): 'changed' | 'ended' | undefined {
    if (isStored(record)) {
      this.#changed.add(record);
      return 'changed';
    }
    this.#changed.delete(record);
    if (!this.#kept.has(record)) return undefined;
    this.#ended.add(record);
    return 'ended';
  }

  /** These rows are in the database already. */
  adopt(record: DialogRecord, rows: KeptRows): void {
    this.#kept.set(record, { rows, unsure: false });
    if (!isStored(record)) this.touch(record);
  }

  /**
   * Writes until nothing is left. What fails is left for another time.
   * @param what `ended`: only the rows of calls that are over go
   * @throws whatever the database says, unless it only refuses some values: those are left out
   */
  async write(database: Database, what: 'all' | 'ended'): Promise<void> {
    for (const connection = this.#connection; connection === this.#connection; ) {
      const records: DialogRecord[] = [];
      for (const set of what === 'all' ? [this.#ended, this.#changed] : [this.#ended])
        for (const record of set) {
          if (records.length === (this.#suspects.size > 0 ? 1 : mostCalls)) break;
          set.delete(record);
          records.push(record);
        }
      if (records.length === 0) return;
      await this.#write(database, records);
    }
  }

  /** The database does not answer: what it was given may be done, or not. */
  lost(): void {
    this.#connection++;
    for (const record of this.#writing) this.touch(record);
    this.#writing = [];
  }

  /** Removes rows of calls that are not kept here. */
  async remove(database: Database, rows: readonly RowNames[]): Promise<void> {
    if (rows.length > 0) await database.batch(deletes(this.#tablesOf(database), rows));
  }

  /** Removes the rows of all calls, which go on without. */
  async empty(database: Database): Promise<void> {
    const rows = [...this.#kept].map(([record, kept]) => namesOf(record, kept.rows));
    await this.remove(database, rows);
    this.#kept.clear();
  }

  async #write(database: Database, records: readonly DialogRecord[]): Promise<void> {
    for (const record of records) this.#suspects.delete(record);
    const plans = records.flatMap((record) => this.#plan(record) ?? []);
    if (plans.length === 0) return;
    const tables = this.#tablesOf(database);
    for (const { record } of plans) {
      // Until it is known how it ended, a call that is over meanwhile has rows.
      const kept = this.#kept.get(record);
      if (kept) kept.unsure = true;
      else this.#kept.set(record, { rows: undefined, unsure: true });
    }
    const connection = this.#connection;
    this.#writing = records;
    try {
      await database.batch(statementsOf(tables, plans));
      if (connection !== this.#connection) return;
      this.#writing = [];
      this.#done(plans);
    } catch (error) {
      if (connection !== this.#connection) return;
      if (!database.isRefusal(error)) {
        for (const { record } of plans) this.touch(record);
        throw error;
      }
      if (plans.length === 1) this.#wasRefused(plans, database.explain(error));
      else for (const { record } of plans) this.#suspect(record);
    }
  }

  #plan(record: DialogRecord): Plan | undefined {
    const kept = this.#kept.get(record);
    const before = kept?.rows;
    const anew = kept?.unsure === true;
    if (!isStored(record)) return before || anew ? { record, before, after: undefined, anew } : undefined;
    const after = this.#rowsOf(record, before);
    if (before && !anew && isSame(before, after)) return undefined;
    return { record, before, after, anew };
  }

  #rowsOf(record: DialogRecord, before: KeptRows | undefined): KeptRows {
    const { server, sealed } = this.#options;
    const dialog = dialogRowOf(record);
    const variables = variablesOf(record);
    if (record.foreign) {
      // What another server wrote of its own stays.
      const { state, timeout, sflags, iflags, fromCseq, toCseq } = dialog;
      const own = before ? { ...before.dialog, state, timeout, sflags, iflags, fromCseq, toCseq } : dialog;
      return { dialog: own, extra: before?.extra, variables };
    }
    const extra = extraRowOf(record, server, legsOf(record));
    const json = String(extra.legs);
    // Sealed twice, the same looks different.
    const isAsBefore = before?.extra && this.#legs.get(before.extra) === json;
    const row = { ...extra, legs: isAsBefore ? before.extra.legs : sealed(json) };
    this.#legs.set(row, json);
    return { dialog, extra: row, variables };
  }

  #done(plans: readonly Plan[]): void {
    for (const { record, after } of plans) {
      if (after) this.#kept.set(record, { rows: after, unsure: false });
      else this.#kept.delete(record);
      // It ended while it was written.
      if (after && !isStored(record)) this.touch(record);
    }
  }

  /** Something of what was written together with it was refused: while there are such, each is written alone. */
  #suspect(record: DialogRecord): void {
    this.#suspects.add(record);
    this.touch(record);
  }

  #wasRefused(plans: readonly Plan[], error: string): void {
    for (const { record } of plans) {
      this.#refused++;
      const { callId } = record;
      this.#options.logger.error({ callId, error: messageOf(error) }, 'the database refuses the rows of a call');
    }
  }

  #tablesOf({ sql }: Database): Tables {
    const { tableName, columns, varsTableName, varsColumns } = this.#options.settings;
    this.#tables ??= {
      dialog: new TableWriter<DialogRow>(sql, tableName, columns, ['hEntry', 'hId', 'callId']),
      vars: new TableWriter<VarRow>(sql, varsTableName, varsColumns, ['hEntry', 'hId', 'key']),
      extra: new TableWriter<ExtraRow>(sql, extraTable, columnNames(extraColumns), ['record_id']),
    };
    return this.#tables;
  }
}

interface Tables {
  readonly dialog: TableWriter<DialogRow>;
  readonly vars: TableWriter<VarRow>;
  readonly extra: TableWriter<ExtraRow>;
}

function statementsOf(tables: Tables, plans: readonly Plan[]): Statement[] {
  const { dialog, vars, extra } = tables;
  const leaving = plans.filter(({ after, anew }) => anew || !after);
  const coming = plans.filter(({ before, after, anew }) => after && (anew || !before));
  const staying = plans.filter(({ before, after, anew }) => before && after && !anew);
  const statements = deletes(
    tables,
    leaving.map(({ record, before }) => namesOf(record, before)),
  );
  const rows = coming.flatMap(({ after }) => after ?? []);
  statements.push(
    ...dialog.insert(rows.map((row) => row.dialog)),
    ...extra.insert(rows.flatMap((row) => row.extra ?? [])),
    ...vars.insert(rows.flatMap((row) => varRows(row.dialog, row.variables))),
  );
  for (const { before, after } of staying) {
    if (!before || !after) continue;
    if (!isEqual(before.dialog, after.dialog)) statements.push(dialog.update(after.dialog));
    if (after.extra && !before.extra) statements.push(...extra.insert([after.extra]));
    else if (after.extra && !isEqual(before.extra ?? {}, after.extra)) statements.push(extra.update(after.extra));
    statements.push(...variableStatements(vars, before, after));
  }
  return statements;
}

function namesOf({ hEntry, hId, callId, id }: DialogRecord, rows: KeptRows | undefined): RowNames {
  return { hEntry, hId, callId: storedCallId(callId), record_id: rows?.extra?.record_id ?? id };
}

function deletes({ dialog, vars, extra }: Tables, rows: readonly RowNames[]): Statement[] {
  return [...dialog.delete(rows), ...vars.delete(rows, ['hEntry', 'hId']), ...extra.delete(rows)];
}

function variableStatements(vars: TableWriter<VarRow>, before: KeptRows, after: KeptRows): Statement[] {
  const had = varRows(before.dialog, before.variables);
  const has = varRows(after.dialog, after.variables);
  const removed = had.filter(({ key }) => !after.variables.has(key));
  const added = has.filter(({ key }) => !before.variables.has(key));
  const other = has.filter(({ key, value }) => before.variables.has(key) && before.variables.get(key) !== value);
  return [...vars.delete(removed), ...vars.insert(added), ...other.map((row) => vars.update(row))];
}

function varRows({ hEntry, hId }: DialogRow, variables: ReadonlyMap<string, string>): VarRow[] {
  return [...variables].map(([key, value]) => ({ hEntry: Number(hEntry), hId: Number(hId), key, value }));
}

function isSame(a: KeptRows, b: KeptRows): boolean {
  return (
    isEqual(a.dialog, b.dialog) &&
    isEqual(a.extra ?? {}, b.extra ?? {}) &&
    isEqual(Object.fromEntries(a.variables), Object.fromEntries(b.variables))
  );
}

function isEqual(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(b);
  return keys.length === Object.keys(a).length && keys.every((key) => a[key] === b[key]);
}
