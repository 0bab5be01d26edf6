/** Queries in one transaction, on a database over the network. */
import type { CompiledQuery, Kysely } from 'kysely';
import type { Tables } from '../database.ts';

export async function transactionOn(sql: Kysely<Tables>, queries: readonly CompiledQuery[]): Promise<void> {
  await sql.transaction().execute(async (transaction) => {
    for (const query of queries) await transaction.executeQuery(query);
  });
}
