import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from '../shared/icon.tsx';
import type { PhoneCall } from './call.ts';
import { useNow } from './hooks.ts';
import { KeyPad } from './key-pad.tsx';
import { LevelMeter } from './level-meter.tsx';
import type { Phone } from './phone.ts';
import { QualityView } from './quality-view.tsx';
import { TransferPanel } from './transfer-panel.tsx';
import { duration } from './words.ts';

type Panel = 'pad' | 'transfer' | undefined;

export function CallCard({ phone, call }: { readonly phone: Phone; readonly call: PhoneCall }) {
  const [panel, setPanel] = useState<Panel>();
  const [digits, setDigits] = useState('');
  const name = phone.nameOf(call);
  const active = call.state === 'active';
  const toggle = (which: Panel) => () => setPanel(panel === which ? undefined : which);
  const send = (key: string): void => {
    call.sendDigits(key);
    setDigits((sent) => (sent + key).slice(-16));
  };
  return (
    <section class={`card call ${call.state}`} aria-label={`Call with ${name}`}>
      <header>
        <div class="call-who">
          <h2 class="clip">{name}</h2>
          <p>
            <StateChip call={call} />
            {active && <Duration since={call.answeredAt} />}
          </p>
        </div>
        {active && <QualityView connection={call.connection} />}
      </header>
      <RemoteAudio stream={call.remote} speaker={phone.sound.speaker} />
      {active && (
        <div class="levels">
          <LevelMeter label="Them" stream={call.remote} />
          <LevelMeter label="You" stream={call.microphone} />
        </div>
      )}
      {call.state === 'incoming' ? (
        <div class="call-actions">
          <Action icon="phone" kind="primary" onClick={() => void phone.answer(call)}>
            Answer
          </Action>
          <Action icon="end" kind="danger" onClick={() => call.reject()}>
            Reject
          </Action>
        </div>
      ) : (
        <div class="call-actions">
          {active && (
            <>
              {call.held ? (
                <Action icon="play" onClick={() => phone.turnTo(call)}>
                  Resume
                </Action>
              ) : (
                <Action icon="hold" onClick={() => call.hold()}>
                  Hold
                </Action>
              )}
              <Action icon={call.muted ? 'mic-off' : 'mic'} pressed={call.muted} onClick={() => call.mute(!call.muted)}>
                Mute
              </Action>
              <Action icon="keys" pressed={panel === 'pad'} onClick={toggle('pad')}>
                Keypad
              </Action>
              <Action icon="transfer" pressed={panel === 'transfer'} onClick={toggle('transfer')}>
                Transfer
              </Action>
            </>
          )}
          <Action icon="end" kind="solid-danger" onClick={() => call.hangup()}>
            Hang up
          </Action>
        </div>
      )}
      {active && panel === 'pad' && (
        <div class="call-panel">
          <output class="digits num" aria-label="Digits sent">
            {digits}
          </output>
          <KeyPad label="Keypad" onKey={send} />
        </div>
      )}
      {active && panel === 'transfer' && (
        <TransferPanel phone={phone} call={call} onClose={() => setPanel(undefined)} />
      )}
    </section>
  );
}

interface ActionProps {
  readonly icon: IconName;
  readonly kind?: string;
  readonly pressed?: boolean;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

function Action({ icon, kind = '', pressed, onClick, children }: ActionProps) {
  return (
    <button type="button" class={`button ${kind}`} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} />
      {children}
    </button>
  );
}

function StateChip({ call }: { readonly call: PhoneCall }) {
  const [text, kind] = stateWords(call);
  return <span class={`chip ${kind}`}>{text}</span>;
}

function stateWords(call: PhoneCall): readonly [string, string] {
  if (call.transfer && call.transfer.state !== 'refused') return ['Being transferred…', 'accent'];
  switch (call.state) {
    case 'calling':
      return ['Calling…', 'accent'];
    case 'ringing':
      return ['Ringing…', 'accent'];
    case 'incoming':
      return ['Incoming call', 'accent'];
    case 'connecting':
      return ['Connecting…', 'accent'];
    case 'ended':
      return ['Ended', ''];
    case 'active':
      if (call.troubled) return ['Connection lost, coming back…', 'warn'];
      if (call.held) return ['On hold', 'warn'];
      return call.heldByOther ? ['The other side holds', 'warn'] : ['Connected', 'good'];
  }
}

function Duration({ since }: { readonly since: number | undefined }) {
  const now = useNow(since !== undefined);
  return since === undefined ? null : <span class="num">{duration(now - since)}</span>;
}

/** Is not seen: plays the other side. */
function RemoteAudio({ stream, speaker }: { readonly stream: MediaStream | undefined; readonly speaker: string }) {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const element = audio.current;
    if (!element || !stream) return;
    element.srcObject = stream;
    // Refused until somebody clicks: whoever is in a call has.
    void element.play().catch(() => {});
  }, [stream]);
  useEffect(() => {
    void audio.current?.setSinkId?.(speaker).catch(() => {});
  }, [speaker]);
  // biome-ignore lint/a11y/useMediaCaption: speech of a live call has no captions
  return <audio ref={audio} autoplay />;
}
