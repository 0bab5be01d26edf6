/** Statements in one transaction, on a database over the network. */
import { CompiledQuery, type Kysely } from 'kysely';
import type { Statement, Tables } from '../database.ts';

export async function transactionOn(sql: Kysely<Tables>, statements: readonly Statement[]): Promise<void> {
  await sql.transaction().execute(async (transaction) => {
    for (const statement of statements)
      await transaction.executeQuery(CompiledQuery.raw(statement.sql, [...statement.parameters]));
  });
}
