/** Call detail records as they are read again, for people who look for one. */
import { type SqlBool, sql } from 'kysely';
import type { Cdr } from '../cdr/cdr.ts';
import type { Database, Row } from './database.ts';
import { cdrTable } from './own-tables.ts';

export interface CdrSearch {
  /** Part of an address or Call-ID; empty: all. */
  readonly search: string;
  /** Only those that ended before, and of the same second those whose id is smaller. */
  readonly before: { readonly endedAt: number; readonly id: string } | undefined;
  readonly limit: number;
}

const searched = ['from_uri', 'to_uri', 'request_uri', 'caller_callid', 'callee_callid'] as const;

/** The latest to end first. */
export async function readCdrs(database: Database, { search, before, limit }: CdrSearch): Promise<readonly Cdr[]> {
  let query = database.sql
    .selectFrom(cdrTable)
    .select(['id', 'data'])
    .orderBy('ended_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit);
  if (before)
    query = query.where((is) =>
      is.or([
        is('ended_at', '<', before.endedAt),
        is.and([is('ended_at', '=', before.endedAt), is('id', '<', before.id)]),
      ]),
    );
  if (search !== '') {
    // Not a backslash, which MySQL takes for itself.
    const pattern = `%${search.toLowerCase().replaceAll(/[!%_]/g, '!$&')}%`;
    query = query.where((is) =>
      is.or(searched.map((column) => sql<SqlBool>`lower(${sql.ref(column)}) like ${pattern} escape '!'`)),
    );
  }
  const rows = await query.execute();
  return rows.flatMap(cdrIn);
}

export async function readCdr(database: Database, id: string): Promise<Cdr | undefined> {
  const rows = await database.sql.selectFrom(cdrTable).select(['id', 'data']).where('id', '=', id).execute();
  return rows.flatMap(cdrIn)[0];
}

/** Nothing for a row that somebody else has written. */
function cdrIn({ data }: Row): Cdr[] {
  try {
    const cdr = JSON.parse(String(data)) as Partial<Cdr> | null;
    return cdr?.id !== undefined && cdr.legs && cdr.recordings && cdr.cause ? [cdr as Cdr] : [];
  } catch {
    return [];
  }
}
