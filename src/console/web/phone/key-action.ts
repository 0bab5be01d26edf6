/** What a key does: digits dial or go into the call, Enter takes a call, Escape refuses or cancels it. Pure. */
import type { CallState } from './call-state.ts';

interface Call {
  readonly state: CallState;
  readonly held: boolean;
}

export type KeyAction<C extends Call> =
  | { readonly does: 'type'; readonly key: string }
  | { readonly does: 'digit'; readonly key: string; readonly call: C }
  | { readonly does: 'answer'; readonly call: C }
  | { readonly does: 'stop'; readonly call: C };

/** @param busy the focus is where the key has a meaning of its own */
export function actionOf<C extends Call>(key: string, calls: readonly C[], busy: boolean): KeyAction<C> | undefined {
  const waiting = calls.find(({ state }) => state === 'incoming');
  if (key === 'Escape') {
    // An answered call is not lost by a slip of the finger: it has its button.
    const call = waiting ?? calls.find(({ state }) => state === 'calling' || state === 'ringing');
    return call && { does: 'stop', call };
  }
  if (busy) return undefined;
  if (key === 'Enter') return waiting && { does: 'answer', call: waiting };
  if (!/^[\d*#]$/.test(key)) return undefined;
  const call = calls.find(({ state, held }) => state === 'active' && !held);
  return call ? { does: 'digit', key, call } : { does: 'type', key };
}
