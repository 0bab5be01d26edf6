/** One leg of a call: how it is, and what an operator can do with it. */
import { useState } from 'preact/hooks';
import type { CallLeg, CallRow, MediaPoint } from '../../protocol.ts';
import { Icon, type IconName } from '../shared/icon.tsx';
import { AskDialog } from './ask-dialog.tsx';
import { useConsole } from './console-context.ts';
import { milliseconds, shownUri } from './format.ts';
import { type LegAsk, legAsks } from './leg-asks.ts';
import { Mos } from './pieces.tsx';
import { codecName, secureWords } from './quality.ts';

interface LegCardProps {
  readonly call: CallRow;
  readonly leg: CallLeg;
  readonly last: MediaPoint | undefined;
  /** Nothing can be done with it any more, and not all is known of it. */
  readonly finished: boolean;
}

export function LegCard({ call, leg, last, finished }: LegCardProps) {
  const { api, session, say, listening, listen } = useConsole();
  const [asking, setAsking] = useState<keyof typeof legAsks | undefined>(undefined);
  const [muted, setMuted] = useState(false);
  const { user, host } = shownUri(leg.uri);
  const answered = call.state === 'confirmed' || call.state === 'confirmed_na';
  const off = session.role !== 'control' || !answered;
  const listens = listening?.sessionId === leg.sessionId;

  const act = async (work: Promise<unknown>, done: string): Promise<boolean> => {
    try {
      await work;
      say(done);
      return true;
    } catch (error) {
      say((error as Error).message, 'bad');
      return false;
    }
  };
  const command = (method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> =>
    api.rpc(method, { call: leg.sessionId, ...params });
  const ask = asking && (legAsks[asking] as LegAsk);
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
            () => void act(command(leg.held ? 'call.unhold' : 'call.hold'), leg.held ? 'Resumed.' : 'On hold.'),
          )}
          {button(
            muted ? 'mic-off' : 'mic',
            'Mute',
            () =>
              void act(command('call.mute', { on: !muted }), muted ? 'Heard again.' : 'Muted.').then(
                (went) => went && setMuted(!muted),
              ),
            muted,
          )}
          {button('transfer', 'Transfer', () => setAsking('transfer'))}
          {button('play', 'Play', () => setAsking('play'))}
          {button('say', 'Say', () => setAsking('say'))}
          {button('keys', 'Keys', () => setAsking('dtmf'))}
          {button('record', 'Record', () => setAsking('record'))}
          {button('stop', 'Stop', () => void act(command('call.stop'), 'Stopped what played and recorded.'))}
        </div>
      )}
      {ask && (
        <AskDialog
          ask={{ ...ask, title: `${ask.title}: ${user}` }}
          onClose={() => setAsking(undefined)}
          onSubmit={(value) => {
            setAsking(undefined);
            if (ask.meanwhile !== undefined) say(ask.meanwhile);
            void act(ask.run(api, leg.sessionId, value), ask.done);
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
