/** A call as plain data: what a record of another process is made of again. Its legs are in snapshots of their own. */
import type { LegBirth } from '../session/call-data.ts';
import type { ProfileLink } from './profiles.ts';
import type { DialogState } from './states.ts';
import type { StoredDialog } from './stored-dialog.ts';

export interface RecordSnapshot {
  readonly version: 1;
  readonly id: string;
  readonly hEntry: number;
  readonly hId: number;
  /** Of the leg that began it. */
  readonly callId: string;
  readonly birth: LegBirth;
  readonly state: DialogState;
  /** Unix seconds, as `startTs` and `timeout`; 0 for what is not. */
  readonly initTs: number;
  readonly startTs: number;
  readonly timeout: number;
  /** Seconds. */
  readonly lifetime: number;
  readonly iflags: number;
  readonly sflags: number;
  readonly variables: readonly (readonly [name: string, value: string])[];
  readonly profiles: readonly ProfileLink[];
}

/** @param id of the record that it becomes */
export function snapshotOf(stored: StoredDialog, id: string): RecordSnapshot {
  const { hEntry, hId, callId, caller, callee, requestUri, state, startTs, timeout, sflags, iflags } = stored;
  return {
    ...{ version: 1, id, hEntry, hId, callId, state, startTs, initTs: startTs, timeout, sflags, iflags },
    birth: { direction: 'inbound', fromUri: caller.uri, toUri: callee.uri, requestUri },
    lifetime: timeout === 0 ? 0 : Math.max(0, timeout - startTs),
    variables: [...stored.variables],
    profiles: stored.profiles,
  };
}
