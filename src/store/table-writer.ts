/** Inserts, updates and deletes of one table, as SQL that is made once: only the values are put in anew. */
import type { Compilable, ExpressionBuilder, Kysely } from 'kysely';
import type { Statement, Tables } from './database.ts';

/** Rows of one statement. */
const mostRows = 40;

type Values = Readonly<Record<string, unknown>>;

/** Where a value goes. */
class Slot {
  readonly row: number;
  readonly column: string;

  constructor(row: number, column: string) {
    this.row = row;
    this.column = column;
  }
}

export class TableWriter<R extends Values> {
  readonly #sql: Kysely<Tables>;
  readonly #table: string;
  /** As rows name them → as the table does. */
  readonly #columns: readonly (readonly [key: string, name: string])[];
  readonly #key: readonly string[];
  readonly #compiled = new Map<string, Statement>();

  /** @param key columns, as rows name them, that say which row is meant */
  constructor(
    sql: Kysely<Tables>,
    table: string,
    columns: Readonly<Record<keyof R & string, string>>,
    key: readonly (keyof R & string)[],
  ) {
    this.#sql = sql;
    this.#table = table;
    this.#columns = Object.entries<string>(columns);
    this.#key = key;
  }

  insert(rows: readonly R[]): Statement[] {
    return this.#inPieces('insert', rows, (count) =>
      this.#sql.insertInto(this.#table).values(range(count).map((row) => this.#slots(row))),
    );
  }

  /** Those whose key is there already stay as they are. */
  insertMissing(rows: readonly R[], isMysql: boolean): Statement[] {
    return this.#inPieces('insertMissing', rows, (count) => {
      const insert = this.#sql.insertInto(this.#table).values(range(count).map((row) => this.#slots(row)));
      return isMysql
        ? insert.ignore()
        : insert.onConflict((conflict) => conflict.columns(this.#names(this.#key)).doNothing());
    });
  }

  update(row: R): Statement {
    const [statement] = this.#inPieces('update', [row], () =>
      this.#sql
        .updateTable(this.#table)
        .set(this.#slots(0, this.#key))
        .where((where) => this.#isMeant(where, 0, this.#key)),
    );
    return statement as Statement;
  }

  /** @param by columns, as rows name them; default the key */
  delete(rows: readonly Values[], by: readonly string[] = this.#key): Statement[] {
    return this.#inPieces(`delete ${by.join()}`, rows, (count) =>
      this.#sql
        .deleteFrom(this.#table)
        .where((where) => where.or(range(count).map((row) => this.#isMeant(where, row, by)))),
    );
  }

  #isMeant(where: ExpressionBuilder<Tables, string>, row: number, by: readonly string[]) {
    return where.and(this.#pairs(by).map(([key, name]) => where(name, '=', new Slot(row, key))));
  }

  #slots(row: number, without: readonly string[] = []): Record<string, unknown> {
    const columns = this.#columns.filter(([key]) => !without.includes(key));
    return Object.fromEntries(columns.map(([key, name]) => [name, new Slot(row, key)]));
  }

  #pairs(keys: readonly string[]): readonly (readonly [key: string, name: string])[] {
    return this.#columns.filter(([key]) => keys.includes(key));
  }

  #names(keys: readonly string[]): string[] {
    return this.#pairs(keys).map(([, name]) => name);
  }

  #inPieces(what: string, rows: readonly Values[], make: (count: number) => Compilable): Statement[] {
    const statements: Statement[] = [];
    for (let at = 0; at < rows.length; at += mostRows) {
      const piece = rows.slice(at, at + mostRows);
      const name = `${what} ${piece.length}`;
      const compiled = this.#compiled.get(name) ?? make(piece.length).compile();
      this.#compiled.set(name, compiled);
      const values = compiled.parameters.map((one) =>
        one instanceof Slot ? (piece[one.row]?.[one.column] ?? null) : one,
      );
      statements.push({ sql: compiled.sql, parameters: values });
    }
    return statements;
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
