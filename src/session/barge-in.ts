/** A peer that does something while it is played to, and with that stops what is played. */
import type { PlaybackHandle } from '../../media/index.ts';

export type BargeIn = boolean | 'dtmf';

/** Has `stop` called when the peer does it, at once if it has already. @returns how to forget it */
export type OnBargeIn = (what: true | 'dtmf', stop: () => void) => () => void;

/** Starts a playback that the peer may stop. */
export function interruptible(start: () => PlaybackHandle, what: true | 'dtmf', onBargeIn: OnBargeIn): PlaybackHandle {
  const handle = start();
  const forget = onBargeIn(what, () => handle.stop());
  handle.done.then(forget, forget);
  return handle;
}
