/** What the server answers → what the monitor shows. Pure; the answers are another program's, so nothing is taken for granted. */
import type { JsonValue } from '../../control/binrpc/json.ts';

export interface CallRow {
  readonly hEntry: number;
  readonly hId: number;
  readonly callId: string;
  readonly state: number;
  readonly from: string;
  readonly to: string;
  /** Seconds since the answer. */
  readonly duration: number;
  /** Of each leg. */
  readonly codecs: readonly string[];
  /** The worst of its legs. */
  readonly mos: number | undefined;
}

export interface Totals {
  readonly active: number;
  readonly early: number;
  readonly processed: number;
  readonly failed: number;
  readonly expired: number;
}

export interface Snapshot {
  readonly calls: readonly CallRow[];
  readonly totals: Totals;
  /** Since the snapshot before; undefined for the first. */
  readonly callsPerSecond: number | undefined;
  /** Calls that run but are not among `calls`, because there are too many for one answer. */
  readonly hidden: number;
}

export function callsOf(list: JsonValue): readonly CallRow[] {
  return arrayOf(list).map((one) => {
    const record = objectOf(one);
    const legs = arrayOf(record.legs).map(objectOf);
    const scores = legs.map((leg) => objectOf(leg.rtp).mos).filter((mos) => typeof mos === 'number');
    return {
      hEntry: numberOf(record.h_entry),
      hId: numberOf(record.h_id),
      callId: textOf(record['call-id']),
      state: numberOf(record.state),
      from: textOf(record.from_uri),
      to: textOf(record.to_uri),
      duration: numberOf(record.duration),
      codecs: legs.map(({ codec }) => textOf(codec).split('/')[0] ?? '').filter((codec) => codec !== ''),
      mos: scores.length > 0 ? Math.min(...scores) : undefined,
    };
  });
}

/** Of `stats.fetch dialog:`. */
export function totalsOf(statistics: JsonValue): Totals {
  const values = objectOf(statistics);
  const of = (name: string): number => numberOf(values[`dialog.${name}_dialogs`]);
  return {
    active: of('active'),
    early: of('early'),
    processed: of('processed'),
    failed: of('failed'),
    expired: of('expired'),
  };
}

function arrayOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function objectOf(value: JsonValue | undefined): Readonly<Record<string, JsonValue>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, JsonValue>>) : {};
}

function numberOf(value: JsonValue | undefined): number {
  const number = Number(value);
  return Number.isFinite(number) ? number : 0;
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
