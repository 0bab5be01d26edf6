/**
 * What an engine tells of each leg again and again, so that the leg can go on elsewhere when the engine dies. It is
 * packed: whoever keeps it opens only the last one, and only then.
 */
import { deserialize, serialize } from 'node:v8';
import type { LegSnapshot, PlayProgress } from './snapshot.ts';

export interface SavedLeg {
  readonly snapshot: LegSnapshot;
  /** Of whatever is played, also what only its owner can open again. */
  readonly playing: PlayProgress | undefined;
}

export function packSaved(saved: SavedLeg): Uint8Array {
  return serialize(saved);
}

/** @param packed by `packSaved` in this process */
export function unpackSaved(packed: Uint8Array): SavedLeg {
  return deserialize(packed) as SavedLeg;
}
