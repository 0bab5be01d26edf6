/**
 * What an engine tells of each leg again and again, so that the leg can go on elsewhere when the engine dies. It is
 * packed: whoever keeps it opens only the last one, and only then.
 */
import { deserialize, serialize } from 'node:v8';
import { TandemError } from '../src/base/errors.ts';
import type { LegSnapshot, PlayProgress } from './snapshot.ts';

export interface SavedLeg {
  readonly snapshot: LegSnapshot;
  /** Of whatever is played, also what only its owner can open again. */
  readonly playing: PlayProgress | undefined;
}

export function packSaved(saved: SavedLeg): Uint8Array {
  return serialize(saved);
}

/**
 * @param packed what `MediaPorts.onSaved` told, in this process or another
 * @throws {TandemError} ERR_MEDIA_SNAPSHOT for what is not the state of a leg in this version
 */
export function unpackSaved(packed: Uint8Array): SavedLeg {
  let saved: unknown;
  try {
    saved = deserialize(packed);
  } catch (cause) {
    throw new TandemError('ERR_MEDIA_SNAPSHOT', 'the state of the media leg is damaged', { cause });
  }
  if (!isSaved(saved))
    throw new TandemError('ERR_MEDIA_SNAPSHOT', 'this is not the state of a media leg, or one of another version');
  return saved;
}

function isSaved(saved: unknown): saved is SavedLeg {
  const { snapshot } = (saved ?? {}) as { readonly snapshot?: Partial<LegSnapshot> };
  return (
    snapshot?.version === 1 &&
    typeof snapshot.leg === 'string' &&
    [snapshot.port, snapshot.rtcpPort, snapshot.serial].every((value) => Number.isInteger(value)) &&
    [snapshot.sender, snapshot.receiver, snapshot.latch, snapshot.rtcp, snapshot.dtmf].every(
      (part) => typeof part === 'object' && part !== null,
    )
  );
}
