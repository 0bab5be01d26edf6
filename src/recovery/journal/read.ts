/**
 * What a log says of each call. What is damaged costs the call it belongs to; where it is not known whose it was, every
 * call that has a part of which nothing newer was written: it may be old, and an index of SRTP in it used already.
 */
import type { FoundCall, LostCall } from './journal.ts';
import { findRecord, type JournalOp, type ReadRecord, readRecord } from './record.ts';

export interface ReadLog {
  readonly found: readonly FoundCall[];
  readonly lost: readonly LostCall[];
  /** Of the last record. */
  readonly serial: number;
}

interface Known {
  readonly parts: Map<string, Uint8Array>;
  /** Parts whose newest value is damaged. */
  readonly damaged: Set<string>;
  readonly serials: Map<string, number>;
}

/**
 * @param begin where the records begin
 * @param promised the serial of the last record that was written for sure
 */
export function readLog(log: Buffer, begin: number, promised: number): ReadLog {
  const calls = new Map<string, Known>();
  let serial = 0;
  /** Everything up to here may have been something else. */
  let doubtful = 0;
  let batch: ReadRecord[] = [];
  for (let at = begin; at < log.length; ) {
    const read = readRecord(log, at);
    if (!read) {
      at = findRecord(log, at + 1);
      const next = readRecord(log, at);
      // What was cut off in the middle of a batch is nothing that somebody relied on.
      if (next) doubtful = next.serial;
      batch = [];
      continue;
    }
    const expected = serial + batch.length + 1;
    if (serial > 0 && read.serial !== expected) doubtful = read.serial;
    batch.push(read);
    at = read.end;
    if (!read.isLast) continue;
    for (const one of batch) apply(calls, one);
    serial = read.serial;
    batch = [];
  }
  // A value that is cut off at the end belongs to a batch that was never finished.
  if (serial < promised) doubtful = promised + 1;
  return { ...sorted(calls, doubtful), serial: Math.max(serial, promised) };
}

function apply(calls: Map<string, Known>, { record, serial, isWhole }: ReadRecord): void {
  const { call, op } = record;
  if (op === 'removeCall') {
    calls.delete(call);
    return;
  }
  const known: Known = calls.get(call) ?? { parts: new Map(), damaged: new Set(), serials: new Map() };
  calls.set(call, known);
  known.serials.set(record.part, serial);
  known.parts.delete(record.part);
  known.damaged.delete(record.part);
  if (op === 'removePart') {
    known.serials.delete(record.part);
    return;
  }
  if (isWhole) known.parts.set(record.part, (record as Extract<JournalOp, { op: 'put' }>).value);
  else known.damaged.add(record.part);
}

function sorted(calls: ReadonlyMap<string, Known>, doubtful: number): Pick<ReadLog, 'found' | 'lost'> {
  const found: FoundCall[] = [];
  const lost: LostCall[] = [];
  for (const [call, { parts, damaged, serials }] of calls) {
    if (damaged.size > 0) lost.push({ call, parts, reason: 'damaged' });
    else if ([...serials.values()].some((serial) => serial < doubtful)) lost.push({ call, parts, reason: 'truncated' });
    else if (parts.size > 0) found.push({ call, parts });
  }
  return { found, lost };
}
