/**
 * What a log says of each call. What is damaged costs the call it belongs to; where it is not known whose it was, every
 * call that did not begin behind it: what is read of that may be old, and an index of SRTP in it used already.
 */
import type { FoundCall, LostCall } from './journal.ts';
import { findRecord, type ReadRecord, readRecord } from './record.ts';

export interface ReadLog {
  readonly found: readonly FoundCall[];
  readonly lost: readonly LostCall[];
}

interface Known {
  readonly parts: Map<string, Uint8Array>;
  /** Parts whose newest value is damaged. */
  readonly damaged: Set<string>;
  /** The serial with which it began; 0 if that is missing. */
  readonly begun: number;
  /** An earlier process has found that it is lost, and why. */
  lost: LostCall['reason'] | undefined;
}

/**
 * @param begin where the records begin
 * @param promised the serial of the last record that was written for sure
 */
export function readLog(log: Buffer, begin: number, promised: number): ReadLog {
  const calls = new Map<string, Known>();
  /** Of the last record, and of the last one of a batch that is all there. */
  let [serial, finished] = [0, 0];
  /** Of calls that began before this one something may be missing. */
  let doubtful = 1;
  let batch: ReadRecord[] = [];
  /** Something before this batch or at its beginning is missing. */
  let isPartial = false;
  for (let at = begin; at < log.length; ) {
    const read = readRecord(log, at);
    if (!read) {
      at = findRecord(log, at + 1);
      [batch, isPartial] = [[], true];
      continue;
    }
    // Of a batch that nobody was told is written, and that is not all there.
    if (read.isCut && read.serial > promised) break;
    if (read.serial !== serial + 1) [batch, isPartial] = [[], true];
    serial = read.serial;
    batch.push(read);
    at = read.end;
    if (!read.isLast) continue;
    for (const one of batch) apply(calls, one);
    // Even what this batch says of a call may be a part of what it said.
    if (isPartial) doubtful = serial + 1;
    finished = serial;
    [batch, isPartial] = [[], false];
  }
  return sorted(calls, finished < promised ? Number.POSITIVE_INFINITY : doubtful);
}

const reasons: readonly LostCall['reason'][] = ['damaged', 'truncated', 'key', 'version'];

function knownFrom(begun: number): Known {
  return { parts: new Map(), damaged: new Set(), begun, lost: undefined };
}

function apply(calls: Map<string, Known>, { record, serial, isWhole }: ReadRecord): void {
  const { call } = record;
  if (record.op === 'removeCall') {
    calls.delete(call);
    return;
  }
  const begins = record.op === 'put' && record.begins;
  const known = begins ? knownFrom(serial) : (calls.get(call) ?? knownFrom(0));
  calls.set(call, known);
  if (record.op === 'lose') {
    known.lost = reasons.find((reason) => reason === record.part) ?? 'damaged';
    return;
  }
  known.parts.delete(record.part);
  known.damaged.delete(record.part);
  if (record.op === 'removePart') return;
  if (isWhole) known.parts.set(record.part, record.value);
  else known.damaged.add(record.part);
}

function sorted(calls: ReadonlyMap<string, Known>, doubtful: number): ReadLog {
  const found: FoundCall[] = [];
  const lost: LostCall[] = [];
  for (const [call, { parts, damaged, begun, lost: before }] of calls) {
    if (before) lost.push({ call, parts, reason: before });
    else if (damaged.size > 0) lost.push({ call, parts, reason: 'damaged' });
    else if (parts.size === 0) continue;
    else if (begun < doubtful) lost.push({ call, parts, reason: 'truncated' });
    else found.push({ call, parts });
  }
  return { found, lost };
}
