/** A call as `dlg.list` of Kamailio 5.6 prints it: the same members in the same order. */
import type { DialogRecord } from '../../registry/record.ts';
import type { DialogEnd } from '../../registry/sides.ts';
import { confirmedNa, deleted } from '../../registry/states.ts';
import type { RpcStruct, RpcValue } from '../rpc/value.ts';

/** What Kamailio prints for a text that is not there. */
export const nullText = '<null string>';

export function dialogStruct(record: DialogRecord): RpcStruct {
  const { caller, callee } = record.sides;
  const isOver = record.state === deleted;
  return {
    h_entry: record.hEntry,
    h_id: record.hId,
    ref: references(record),
    'call-id': record.callId,
    from_uri: record.fromUri,
    to_uri: record.toUri,
    state: record.state,
    start_ts: record.startTs,
    init_ts: record.initTs,
    end_ts: record.endTs,
    duration: record.duration,
    timeout: record.timeout,
    lifetime: record.lifetime,
    dflags: dialogFlags(record),
    sflags: record.flags.bits,
    iflags: record.iflags,
    caller: endStruct(caller),
    callee: endStruct(callee),
    profiles: isOver ? [] : profilesOf(record).map(([name, value]) => (value === undefined ? name : { [name]: value })),
    variables: isOver ? [] : variablesOf(record).map(([name, value]) => ({ [name]: value })),
  };
}

/** A call as a line of `dlg.dump_file`: without duration, profiles and variables as one object each. */
export function dialogLine(record: DialogRecord): RpcStruct {
  const { h_entry, h_id, ref, 'call-id': call_id, duration: _, ...rest } = dialogStruct(record);
  const isOver = record.state === deleted;
  const profiles = isOver ? [] : profilesOf(record).map(([name, value = '']) => [name, value] as const);
  const variables = isOver ? [] : variablesOf(record);
  const own = { profiles: Object.fromEntries(profiles), variables: Object.fromEntries(variables) };
  return { h_entry, h_id, ref, call_id, ...rest, ...own } as RpcStruct;
}

/** Name, and value where the profile has values; the newest first. */
function profilesOf(record: DialogRecord): (readonly [name: string, value: string | undefined])[] {
  return [...record.profiles].reverse().map(({ name, value }) => [name, value === '' ? undefined : value]);
}

/** The newest first. */
function variablesOf(record: DialogRecord): [name: string, value: string][] {
  return [...record.variables].reverse();
}

function endStruct(end: DialogEnd | undefined): RpcValue {
  if (!end) return { tag: nullText, contact: nullText, cseq: nullText, route_set: nullText, socket: nullText };
  return {
    tag: end.tag,
    contact: end.contact,
    cseq: String(end.cseq),
    route_set: end.routeSet.map((uri) => `<${uri}>`).join(','),
    socket: end.socket || nullText,
  };
}

/** Who holds a dialog in Kamailio: its INVITE's transaction, and from the answer on the timer of its lifetime. */
function references({ startTs }: DialogRecord): number {
  return startTs > 0 ? 2 : 1;
}

/** Of Kamailio's flags in memory, as 5.6.3 without a database has them. */
const dflag = {
  new: 1,
  changed: 2,
  hasBye: 4,
  changedVariables: 128,
  transaction: 512,
  changedProfiles: 1024,
} as const;

function dialogFlags({ state, startTs, variables, profiles }: DialogRecord): number {
  let flags: number = dflag.transaction;
  if (variables.size > 0) flags |= dflag.changedVariables;
  if (profiles.used) flags |= dflag.changedProfiles;
  if (state >= confirmedNa && startTs > 0) flags |= dflag.new | dflag.changed;
  if (state === deleted && startTs > 0) flags |= dflag.hasBye;
  return flags;
}
