/** Tables of our own, beside Kamailio's: what a B2BUA knows more of a call, and what is left of one that is over. */
import { bounded, cut } from './columns.ts';

/** A number: a text of so many characters. The first column is the primary key. */
export type OwnColumn = 'int' | 'number' | 'long' | number;

export const extraTable = 'tandem_dialog';

/** `record_id` names the call over restarts; the others repeat of the second leg what `dialog` has of the first. */
export const extraColumns = {
  record_id: 64,
  server: 64,
  hash_entry: 'int',
  hash_id: 'int',
  callid: 255,
  direction: 8,
  codec: 64,
  second_callid: 255,
  second_local_tag: 128,
  second_remote_tag: 128,
  second_local_cseq: 'int',
  second_remote_cseq: 'int',
  second_route_set: 512,
  second_contact: 255,
  second_codec: 64,
  bridge_id: 64,
  step: 255,
  legs: 'long',
} as const satisfies Readonly<Record<string, OwnColumn>>;

export type ExtraRow = Readonly<Record<keyof typeof extraColumns, string | number | null>>;

export const cdrTable = 'tandem_cdr';

export const cdrColumns = {
  id: 64,
  server: 64,
  hash_entry: 'int',
  hash_id: 'int',
  from_uri: 255,
  to_uri: 255,
  request_uri: 255,
  caller_callid: 255,
  callee_callid: 255,
  began_at: 'int',
  answered_at: 'int',
  ended_at: 'int',
  duration: 'int',
  cause: 16,
  status: 'int',
  reason: 255,
  ended_by: 16,
  caller_codec: 64,
  callee_codec: 64,
  caller_mos: 'number',
  callee_mos: 'number',
  recording: 512,
  data: 'long',
} as const satisfies Readonly<Record<string, OwnColumn>>;

export type CdrRow = Readonly<Record<keyof typeof cdrColumns, string | number | null>>;

/** Rows name them as the table does. */
export function columnNames<K extends string>(columns: Readonly<Record<K, OwnColumn>>): Readonly<Record<K, string>> {
  return Object.fromEntries(Object.keys(columns).map((name) => [name, name])) as Record<K, string>;
}

/** What is too long for its column is cut: whole it is in the column with the JSON. */
export function fittedOwn<R extends Readonly<Record<string, string | number | null>>>(
  row: R,
  columns: Readonly<Record<keyof R & string, OwnColumn>>,
): R {
  const cells = Object.entries(row).map(([key, value]) => {
    const type = columns[key];
    if (typeof value === 'string') return [key, cut(value, typeof type === 'number' ? type : Number.MAX_SAFE_INTEGER)];
    return [key, typeof value === 'number' && type === 'int' ? bounded(value) : value];
  });
  return Object.fromEntries(cells) as R;
}
