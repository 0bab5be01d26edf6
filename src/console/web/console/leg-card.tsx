/** One leg of a call: how it is, and what an operator can do with it. */
import { useState } from 'preact/hooks';
import type { CallLeg, CallRow, MediaPoint } from '../../protocol.ts';
import { Icon, type IconName } from '../shared/icon.tsx';
import { AskDialog, type AskFor } from './ask-dialog.tsx';
import { useConsole } from './console-context.ts';
import { milliseconds, shownUri } from './format.ts';
import { Mos } from './pieces.tsx';
import { codecName, secureWords } from './quality.ts';

interface LegCardProps {
  readonly call: CallRow;
  readonly leg: CallLeg;
  readonly last: MediaPoint | undefined;
  /** Nothing can be done with it any more, and not all is known of it. */
  readonly finished: boolean;
}

type Ask = AskFor & {
  readonly method: string;
  readonly params: (value: string) => Record<string, unknown>;
  readonly done: string;
  /** Said while it is on its way, if that takes long. */
  readonly meanwhile?: string;
};

const asks = {
  transfer: {
    title: 'Transfer',
    field: 'To',
    placeholder: 'sip:5003@pbx.example.net',
    hint: 'The peer is asked to call this address; when that went well, this leg ends.',
    submit: 'Transfer',
    method: 'call.transfer',
    params: (to) => ({ to }),
    meanwhile: 'The peer is asked…',
    done: 'Transferred.',
  },
  play: {
    title: 'Play a file',
    field: 'File',
    placeholder: 'welcome.wav',
    hint: 'A WAV or MP3 file of the server’s sound folder.',
    submit: 'Play',
    method: 'call.play',
    params: (file) => ({ file, wait: false }),
    done: 'Playing.',
  },
  say: {
    title: 'Say something',
    field: 'Text',
    placeholder: 'Please hold the line.',
    hint: 'Only this leg hears it.',
    submit: 'Say it',
    long: true,
    method: 'call.say',
    params: (text) => ({ text, wait: false }),
    done: 'Speaking.',
  },
  record: {
    title: 'Record',
    field: 'File name',
    placeholder: 'call.wav',
    hint: 'Both directions, as WAV. Tell the people on the call where the law asks for it.',
    submit: 'Record',
    method: 'call.record',
    params: (file) => ({ file: /\.wav$/i.test(file) ? file : `${file}.wav` }),
    done: 'Recording.',
  },
  dtmf: {
    title: 'Press keys',
    field: 'Keys',
    placeholder: '12#',
    hint: '0–9, A–D, * and #.',
    pattern: '[0-9A-Da-d*#]{1,100}',
    submit: 'Press',
    method: 'call.dtmf',
    params: (digits) => ({ digits: digits.toUpperCase(), wait: false }),
    done: 'Keys sent.',
  },
} as const satisfies Record<string, Ask>;

export function LegCard({ call, leg, last, finished }: LegCardProps) {
  const { api, session, say, listening, listen } = useConsole();
  const [asking, setAsking] = useState<keyof typeof asks | undefined>(undefined);
  const [muted, setMuted] = useState(false);
  const { user, host } = shownUri(leg.uri);
  const answered = call.state === 'confirmed' || call.state === 'confirmed_na';
  const off = session.role !== 'control' || !answered;
  const listens = listening?.sessionId === leg.sessionId;

  const act = async (method: string, params: Record<string, unknown>, done: string): Promise<boolean> => {
    try {
      await api.rpc(method, { call: leg.sessionId, ...params });
      say(done);
      return true;
    } catch (error) {
      say((error as Error).message, 'bad');
      return false;
    }
  };
  const ask = asking && (asks[asking] as Ask);
  const button = (icon: IconName, name: string, onClick: () => void, pressed?: boolean) => (
    <button
      type="button"
      class="button small"
      disabled={off}
      {...(pressed !== undefined && { 'aria-pressed': pressed })}
      onClick={onClick}
    >
      <Icon name={icon} />
      {name}
    </button>
  );
  return (
    <section class={`card leg ${leg.side}`} aria-label={leg.side === 'caller' ? 'Caller' : 'Callee'}>
      <div class="leg-head">
        <p class="leg-side">{leg.side === 'caller' ? 'Caller' : 'Callee'}</p>
        <p class="leg-name" title={leg.uri}>
          <b>{user}</b> <span class="quiet clip">{host && `@${host}`}</span>
        </p>
        {(!finished || leg.mos !== undefined) && <Mos value={last?.mos ?? leg.mos} />}
        {!finished && button('listen', 'Listen in', () => listen(listens ? undefined : leg.sessionId), listens)}
      </div>
      <dl class="facts num">
        <Fact name="Codec">{leg.codec === undefined ? '–' : codecName(leg.codec)}</Fact>
        {leg.transport !== '' && <Fact name="Transport">{leg.transport.toUpperCase()}</Fact>}
        {!finished && (
          <>
            <Fact name="Loss">{last ? `${last.loss.toFixed(1)} %` : '–'}</Fact>
            <Fact name="Jitter">{last ? milliseconds(last.jitter) : '–'}</Fact>
            <Fact name="Round trip">{last?.rtt === undefined ? '–' : milliseconds(last.rtt)}</Fact>
            <div class="whole">
              <dt class="sr-only">Media</dt>
              <dd>
                <span class={`mark lock-${leg.secure === 'none' ? 'none' : 'all'}`}>
                  <Icon name={leg.secure === 'none' ? 'unlock' : 'lock'} />
                  {secureWords[leg.secure]}
                </span>
              </dd>
            </div>
          </>
        )}
      </dl>
      {!finished && (
        // biome-ignore lint/a11y/useSemanticElements: no fieldset, whose legend would be drawn
        <div class="leg-actions" role="group" aria-label={`Actions for the ${leg.side}`}>
          {button(
            'hold',
            leg.held ? 'Resume' : 'Hold',
            () => void act(leg.held ? 'call.unhold' : 'call.hold', {}, leg.held ? 'Resumed.' : 'On hold.'),
          )}
          {button(
            muted ? 'mic-off' : 'mic',
            'Mute',
            () =>
              void act('call.mute', { on: !muted }, muted ? 'Heard again.' : 'Muted.').then(
                (went) => went && setMuted(!muted),
              ),
            muted,
          )}
          {button('transfer', 'Transfer', () => setAsking('transfer'))}
          {button('play', 'Play', () => setAsking('play'))}
          {button('say', 'Say', () => setAsking('say'))}
          {button('keys', 'Keys', () => setAsking('dtmf'))}
          {button('record', 'Record', () => setAsking('record'))}
          {button('stop', 'Stop', () => void act('call.stop', {}, 'Stopped what played and recorded.'))}
        </div>
      )}
      {ask && (
        <AskDialog
          ask={{ ...ask, title: `${ask.title}: ${user}` }}
          onClose={() => setAsking(undefined)}
          onSubmit={(value) => {
            setAsking(undefined);
            if (ask.meanwhile !== undefined) say(ask.meanwhile);
            void act(ask.method, ask.params(value), ask.done);
          }}
        />
      )}
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
