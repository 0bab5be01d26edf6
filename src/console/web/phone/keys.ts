/** Hears the keyboard for the whole page. */
import { useEffect } from 'preact/hooks';
import { actionOf } from './key-action.ts';
import type { Phone } from './phone.ts';

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
