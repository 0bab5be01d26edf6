/** Answers of BINRPC as JSON-RPC has them, and the other way round. Pure. */
import type { BinrpcRecord } from './records.ts';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Commands that answer with a list, whatever its length: BINRPC does not say so. */
const lists = new Set([
  ...['dlg.list', 'dlg.list_ctx', 'dlg.list_match', 'dlg.list_match_ctx'],
  ...[
    'dlg.profile_list',
    'dlg.briefing',
    'dlg.profiles',
    'system.listMethods',
    'stats.get_statistics',
    'stats.clear_statistics',
  ],
  ...['ctl.who', 'ctl.listen', 'core.echo', 'call.list'],
]);

/** The result of JSON-RPC: the records of a list as an array, one record as it is, none as `{}`. */
export function resultOf(method: string, records: readonly BinrpcRecord[]): JsonValue {
  const [only] = records;
  if (lists.has(method) || records.length > 1) return records.map(jsonOf);
  return only ? jsonOf(only) : {};
}

/** The records of a result: of an array those of its values. */
export function recordsOf(result: JsonValue): BinrpcRecord[] {
  if (isList(result)) return result.map(recordOf);
  const nothing = typeof result === 'object' && result !== null && Object.keys(result).length === 0;
  return nothing ? [] : [recordOf(result)];
}

/** A structure of records without names, and an empty one, is an array. */
function jsonOf(record: BinrpcRecord): JsonValue {
  if (record.type !== 'struct') return record.value;
  const { members } = record;
  if (members.length > 0 && members.every(({ name }) => name !== undefined))
    return Object.fromEntries(members.map(({ name, value }) => [name, jsonOf(value)]));
  return members.map(({ name, value }) => (name === undefined ? jsonOf(value) : { [name]: jsonOf(value) }));
}

function recordOf(value: JsonValue): BinrpcRecord {
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'int' : 'double', value };
  if (value === null || typeof value !== 'object')
    return { type: 'string', value: value === null ? '<null string>' : String(value) };
  const members = isList(value)
    ? value.map((one) => ({ value: recordOf(one) }))
    : Object.entries(value).map(([name, one]) => ({ name, value: recordOf(one) }));
  return { type: 'struct', members };
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
