/** A whole call as plain data, beside the states of its media legs: one part of it in the journal. */
import { deserialize, serialize } from 'node:v8';
import type { DialogRecord } from '../registry/record.ts';
import type { RecordSnapshot } from '../registry/record-snapshot.ts';
import type { LegBirth } from '../session/call-data.ts';
import type { SessionSnapshot } from '../session/session-snapshot.ts';

/** Of what this version writes and reads. */
const version = 1;

export interface CallLeg {
  readonly session: SessionSnapshot;
  readonly birth: LegBirth;
  /** We have hung up, and its peer has not said yet that it knows. */
  readonly isLeaving: boolean;
}

export interface CallSnapshot {
  readonly version: typeof version;
  /** Unix ms. */
  readonly at: number;
  readonly record: RecordSnapshot;
  readonly legs: readonly CallLeg[];
}

/** @param at Unix ms */
export function snapshotCall(record: DialogRecord, at: number): CallSnapshot {
  const legs = record.legs
    .filter(({ isOver, isTold, wasUp }) => !isOver || (wasUp && !isTold))
    .map(({ session, birth, isOver }): CallLeg => ({ session: session.snapshot(), birth, isLeaving: isOver }));
  return { version, at, record: record.snapshot(), legs };
}

export function packCall(call: CallSnapshot): Uint8Array {
  return serialize(call);
}

/** @returns undefined for what is no call of this version */
export function unpackCall(packed: Uint8Array): CallSnapshot | undefined {
  try {
    const call = deserialize(packed) as CallSnapshot;
    return call.version === version && call.record.version === 1 ? call : undefined;
  } catch {
    return undefined;
  }
}
