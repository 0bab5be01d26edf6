import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { placeAt } from '../../../store/suite.ts';
import { startMariadb } from '../../support/databases.ts';

it('a connection that breaks between two statements fails what comes next, and does not end the process', async () => {
  await using server = await startMariadb();
  const [one, other] = [await placeAt(server.url), await placeAt(server.url)];
  const broken = one.database.sql.connection().execute(async (connection) => {
    const { rows } = await sql<{ id: number }>`select connection_id() as id`.execute(connection);
    const id = Number(rows[0]?.id);
    await sql.raw(`kill ${id}`).execute(other.database.sql);
    const isThere = sql<{
      count: number;
    }>`select count(*) as count from information_schema.processlist where id = ${id}`;
    await expect.poll(async () => Number((await isThere.execute(other.database.sql)).rows[0]?.count)).toBe(0);
    await sql`select 1`.execute(connection);
  });
  await expect(broken).rejects.toThrow();
  // The pool may give it out once more before it notices.
  await expect.poll(async () => (await sql`select 1 as one`.execute(one.database.sql)).rows).toEqual([{ one: 1 }]);
  await one.close();
  await other.close();
});
