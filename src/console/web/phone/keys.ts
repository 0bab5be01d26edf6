/** The keyboard: digits dial or go into the call, Enter takes a call, Escape refuses or cancels it. */
import { useEffect } from 'preact/hooks';
import type { PhoneCall } from './call.ts';
import type { Phone } from './phone.ts';

export type KeyAction =
  | { readonly does: 'type'; readonly key: string }
  | { readonly does: 'digit'; readonly key: string; readonly call: PhoneCall }
  | { readonly does: 'answer'; readonly call: PhoneCall }
  | { readonly does: 'stop'; readonly call: PhoneCall };

/** @param busy the focus is where the key has a meaning of its own */
export function actionOf(key: string, calls: readonly PhoneCall[], busy: boolean): KeyAction | undefined {
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

const typed = new EventTarget();

export function onTyped(listener: (key: string) => void): () => void {
  const hear = (event: Event): void => listener((event as CustomEvent<string>).detail);
  typed.addEventListener('key', hear);
  return () => typed.removeEventListener('key', hear);
}

/** What has keys of its own when it has the focus. */
const own = 'input, select, textarea, button, a, summary, [contenteditable]';

export function useKeys(phone: Phone): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
      const focused = document.activeElement;
      const busy = focused?.matches(event.key === 'Enter' ? own : 'input, select, textarea') === true;
      const action = actionOf(event.key, phone.agent.calls, busy);
      if (!action) return;
      if (action.does === 'type') typed.dispatchEvent(new CustomEvent('key', { detail: action.key }));
      else if (action.does === 'digit') action.call.sendDigits(action.key);
      else if (action.does === 'answer') void phone.answer(action.call);
      else action.call.hangup();
      event.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [phone]);
}
