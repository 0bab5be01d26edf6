import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../shared/icon.tsx';
import { KeyPad } from './key-pad.tsx';
import { onTyped } from './keys.ts';
import type { Phone } from './phone.ts';

export function Dialer({ phone }: { readonly phone: Phone }) {
  const [number, setNumber] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const { agent } = phone;
  const quiet = agent.calls.length === 0;
  // Digits that are typed anywhere belong here while nobody is spoken with.
  useEffect(
    () =>
      onTyped((key) => {
        setNumber((typed) => typed + key);
        input.current?.focus();
      }),
    [],
  );
  const call = async (): Promise<void> => {
    if (number.trim() !== '' && (await phone.call(number))) setNumber('');
  };
  return (
    <form
      class={quiet ? 'card dialer' : 'card dialer second'}
      aria-label={quiet ? 'Call' : 'Second call'}
      onSubmit={(event) => {
        event.preventDefault();
        void call();
      }}
    >
      <div class="dialer-line">
        <input
          ref={input}
          class="input dialer-number"
          aria-label="Number or address"
          placeholder="Number or address"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          value={number}
          onInput={({ currentTarget }) => setNumber(currentTarget.value)}
        />
        {number !== '' && (
          <button
            type="button"
            class="button bare square"
            aria-label="Delete the last digit"
            onClick={() => setNumber(number.slice(0, -1))}
          >
            <Icon name="back" />
          </button>
        )}
      </div>
      {quiet && <KeyPad label="Number pad" onKey={(key) => setNumber((typed) => typed + key)} />}
      <button
        type="submit"
        class="button primary dialer-call"
        disabled={agent.registration.state !== 'registered' || number.trim() === ''}
      >
        <Icon name="phone" />
        Call
      </button>
      {quiet && <p class="quiet dialer-hint">1000 is the menu, 600 the echo: try them.</p>}
    </form>
  );
}
