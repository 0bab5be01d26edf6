/** A call as rows of the tables, and back. */
import { encodingOf } from '../../media/index.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { DialogEnd } from '../registry/sides.ts';
import { confirmed, confirmedNa, type DialogState } from '../registry/states.ts';
import type { StoredDialog, StoredEnd } from '../registry/stored-dialog.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { LegSignalling } from '../session/signalling.ts';
import { bounded, cut, type DialogColumn, dialogTypes, varsTypes } from './columns.ts';
import type { Row } from './database.ts';
import { type ExtraRow, extraColumns, fittedOwn } from './own-tables.ts';

export type DialogRow = Readonly<Record<DialogColumn, string | number | null>>;

export interface VarRow extends Readonly<Record<string, unknown>> {
  readonly hEntry: number;
  readonly hId: number;
  readonly key: string;
  readonly value: string;
}

/** One leg of a call of ours: what a request to its peer is made of. */
export interface StoredLeg extends LegSignalling {
  readonly direction: 'inbound' | 'outbound';
  /** As `PCMU/8000`; undefined where none was settled. */
  readonly codec: string | undefined;
}

/** Whether a call has a row now: from its answer to its end, as in Kamailio. */
export function isStored({ state, tracked }: DialogRecord): boolean {
  return tracked && (state === confirmedNa || state === confirmed);
}

export function dialogRowOf(record: DialogRecord): DialogRow {
  const { hEntry, hId, callId, fromUri, toUri, requestUri, state, startTs, timeout, flags, iflags, sides } = record;
  const { caller, callee } = sides;
  return fitted({
    ...{ hEntry, hId, callId, fromUri, toUri, requestUri, state, timeout, iflags },
    fromTag: caller?.tag ?? '',
    toTag: callee?.tag ?? '',
    fromCseq: String(caller?.cseq ?? 0),
    toCseq: String(callee?.cseq ?? 0),
    fromRoute: routeSetIn(caller),
    toRoute: routeSetIn(callee),
    fromContact: caller?.contact ?? '',
    toContact: callee?.contact ?? '',
    fromSock: caller?.socket ?? '',
    toSock: callee?.socket ?? '',
    startTime: startTs,
    // The column is signed.
    sflags: flags.bits | 0,
    torouteName: null,
    xdata: xdataOf(record),
  });
}

/** Longer values than the columns have room for are cut: whole they are among the legs. */
function fitted(row: DialogRow): DialogRow {
  const cells = Object.entries(row).map(([key, value]) => {
    const type = dialogTypes[key as DialogColumn];
    if (typeof value === 'number') return [key, bounded(value)];
    return [key, typeof type === 'object' && value !== null ? cut(value, type.varchar) : value];
  });
  return Object.fromEntries(cells) as DialogRow;
}

function routeSetIn(end: DialogEnd | undefined): string | null {
  const routes = end?.routeSet ?? [];
  return routes.length === 0 ? null : routes.map((uri) => `<${uri}>`).join(',');
}

/** Its profiles, as Kamailio writes them, the newest first; the oldest are left out where the column is full. */
function xdataOf({ id, profiles }: DialogRecord): string | null {
  const links = [...profiles].map(({ name, value }, at) => ({
    name,
    ...(value === '' ? {} : { value }),
    puid: `dlgp-${id}-${at + 1}`,
  }));
  links.reverse();
  for (let count = links.length; count > 0; count--) {
    const text = JSON.stringify({ profiles: links.slice(0, count) });
    if (text.length <= 512) return text;
  }
  return null;
}

export function variablesOf({ variables }: DialogRecord): ReadonlyMap<string, string> {
  const [key, value] = [lengthOf(varsTypes.key), lengthOf(varsTypes.value)];
  return new Map([...variables].map(([name, text]) => [cut(name, key), cut(text, value)]));
}

function lengthOf(type: (typeof varsTypes)[keyof typeof varsTypes]): number {
  return typeof type === 'object' ? type.varchar : 0;
}

export function legsOf({ caller, callee, direction }: DialogRecord): StoredLeg[] {
  return [caller, callee].flatMap((session, at) => {
    const signalling = session?.signalling;
    if (!session || !signalling) return [];
    return [{ ...signalling, direction: at === 0 ? direction : 'outbound', codec: codecOf(session) }];
  });
}

function codecOf({ expectedAudio }: DialogSession): string | undefined {
  return expectedAudio && encodingOf(expectedAudio.codec);
}

/** The same for all calls that are connected: a name of the conference, or of the bridge. */
function bridgeOf({ sessions }: DialogRecord): string | undefined {
  const session = sessions.find(({ bridge }) => bridge);
  const membership = session?.bridge?.describe(session);
  if (!session || !membership) return undefined;
  return membership.kind === 'conference' ? membership.name : [session.id, membership.partner ?? session.id].sort()[0];
}

export function extraRowOf(record: DialogRecord, server: string, legs: readonly StoredLeg[]): ExtraRow {
  const [first, second] = legs;
  const row: ExtraRow = {
    record_id: record.id,
    server,
    hash_entry: record.hEntry,
    hash_id: record.hId,
    callid: record.callId,
    direction: record.direction,
    codec: first?.codec ?? null,
    second_callid: second?.callId ?? null,
    second_local_tag: second?.local.tag ?? null,
    second_remote_tag: second?.remote.tag ?? null,
    second_local_cseq: second?.local.cseq ?? null,
    second_remote_cseq: second?.remote.cseq ?? null,
    second_route_set: second ? second.routeSet.map((uri) => `<${uri}>`).join(',') : null,
    second_contact: second?.remote.contact ?? null,
    second_codec: second?.codec ?? null,
    bridge_id: bridgeOf(record) ?? null,
    step: record.steps.last ?? null,
    legs: JSON.stringify(legs),
  };
  return fittedOwn(row, extraColumns);
}

/** @param columns names in the table */
export function dialogRowIn(row: Row, columns: Readonly<Record<DialogColumn, string>>): DialogRow {
  const cells = Object.entries(columns).map(([key, name]) => {
    const value = row[name];
    return [key, dialogTypes[key as DialogColumn] === 'int' ? Number(value ?? 0) : (value ?? null)];
  });
  return Object.fromEntries(cells) as DialogRow;
}

/** @returns undefined for a row of a call that is not answered, or over: nobody writes such */
export function storedDialogIn(row: DialogRow, variables: ReadonlyMap<string, string>): StoredDialog | undefined {
  const state = Number(row.state);
  if (state !== confirmedNa && state !== confirmed) return undefined;
  const text = (key: DialogColumn): string => String(row[key] ?? '');
  const end = (side: 'from' | 'to'): StoredEnd => ({
    uri: text(`${side}Uri`),
    tag: text(`${side}Tag`),
    contact: text(`${side}Contact`),
    cseq: Number.parseInt(text(`${side}Cseq`), 10) || 0,
    routeSet: [...text(`${side}Route`).matchAll(/<([^<>]*)>/g)].map(([, uri = '']) => uri),
    socket: text(`${side}Sock`),
  });
  return {
    hEntry: Number(row.hEntry),
    hId: Number(row.hId),
    callId: text('callId'),
    caller: end('from'),
    callee: end('to'),
    requestUri: text('requestUri'),
    state: state as DialogState,
    startTs: Number(row.startTime),
    timeout: Number(row.timeout),
    sflags: Number(row.sflags) >>> 0,
    iflags: Number(row.iflags),
    toRouteName: text('torouteName') || undefined,
    variables,
    profiles: profilesIn(text('xdata')),
  };
}

function profilesIn(xdata: string): StoredDialog['profiles'] {
  try {
    const { profiles } = (JSON.parse(xdata || '{}') ?? {}) as { readonly profiles?: unknown };
    if (!Array.isArray(profiles)) return [];
    return profiles.flatMap((one: { readonly name?: unknown; readonly value?: unknown } | null) =>
      typeof one?.name === 'string' ? [{ name: one.name, value: typeof one.value === 'string' ? one.value : '' }] : [],
    );
  } catch {
    return [];
  }
}

/** @returns undefined for what is not such a list */
export function storedLegsIn(json: string): readonly StoredLeg[] | undefined {
  try {
    const legs = JSON.parse(json) as unknown;
    return Array.isArray(legs) ? (legs as StoredLeg[]) : undefined;
  } catch {
    return undefined;
  }
}
