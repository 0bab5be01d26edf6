import { useState } from 'preact/hooks';
import { Icon } from '../shared/icon.tsx';
import type { PhoneCall } from './call.ts';
import type { Phone } from './phone.ts';

interface Props {
  readonly phone: Phone;
  readonly call: PhoneCall;
  readonly onClose: () => void;
}

export function TransferPanel({ phone, call, onClose }: Props) {
  const [target, setTarget] = useState('');
  const others = phone.agent.calls.filter((other) => other !== call && other.state === 'active');
  const ask = async (): Promise<void> => {
    if (await phone.call(target)) onClose();
  };
  return (
    <form
      class="call-panel transfer"
      aria-label="Transfer"
      onSubmit={(event) => {
        event.preventDefault();
        phone.transfer(call, target);
      }}
    >
      {others.map((other) => (
        <button key={other.id} type="button" class="button" onClick={() => call.transferInto(other)}>
          <Icon name="transfer" />
          {`Connect with ${phone.nameOf(other)}`}
        </button>
      ))}
      <label class="field">
        <span>Transfer to</span>
        <input
          class="input"
          placeholder="Number or address"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          value={target}
          onInput={({ currentTarget }) => setTarget(currentTarget.value)}
        />
      </label>
      <div class="call-actions">
        <button type="submit" class="button primary" disabled={target.trim() === ''}>
          Transfer now
        </button>
        <button type="button" class="button" disabled={target.trim() === ''} onClick={() => void ask()}>
          Ask first
        </button>
      </div>
      {call.transfer?.state === 'refused' && (
        <p role="alert" class="notice bad">
          {`${call.transfer.to} did not take the call. It is still with you.`}
        </p>
      )}
    </form>
  );
}
