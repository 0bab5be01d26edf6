/** A peer that presses a key or speaks while it is played to, and with that stops what is played. */
import type { MediaLeg, PlaybackHandle } from '../../media/index.ts';
import { onSpeech } from './analysis.ts';
import type { SessionDigits } from './session-digits.ts';

/** true: either. */
export type BargeIn = boolean | 'dtmf' | 'speech';

/** Has `stop` called when the peer does it; at once when a key waits for `gather`. @returns how to forget it */
export type OnBargeIn = (what: BargeIn, stop: () => void) => () => void;

export function bargeInBy(leg: MediaLeg, digits: SessionDigits, what: BargeIn, stop: () => void): () => void {
  const forget: (() => void)[] = [];
  if (what === true || what === 'dtmf') forget.push(digits.onPress(stop));
  if (what === true || what === 'speech') forget.push(onSpeech(leg, stop));
  return () => {
    for (const one of forget) one();
  };
}

/** Starts a playback that the peer may stop. */
export function interruptible(start: () => PlaybackHandle, what: BargeIn, onBargeIn: OnBargeIn): PlaybackHandle {
  const handle = start();
  const forget = onBargeIn(what, () => handle.stop());
  handle.done.then(forget, forget);
  return handle;
}
