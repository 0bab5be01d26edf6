import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { placeAt } from '../../../store/suite.ts';
import { startPostgres } from '../../support/databases.ts';

it('a connection that breaks between two statements fails what comes next, and does not end the process', async () => {
  await using server = await startPostgres();
  const [one, other] = [await placeAt(server.url), await placeAt(server.url)];
  const broken = one.database.sql.connection().execute(async (connection) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(connection);
    const pid = rows[0]?.pid ?? 0;
    await sql`select pg_terminate_backend(${pid})`.execute(other.database.sql);
    const isThere = sql<{ count: string }>`select count(*) as count from pg_stat_activity where pid = ${pid}`;
    await expect.poll(async () => Number((await isThere.execute(other.database.sql)).rows[0]?.count)).toBe(0);
    await sql`select 1`.execute(connection);
  });
  await expect(broken).rejects.toThrow();
  // The pool may give it out once more before it notices.
  await expect.poll(async () => (await sql`select 1 as one`.execute(one.database.sql)).rows).toEqual([{ one: 1 }]);
  await one.close();
  await other.close();
});
