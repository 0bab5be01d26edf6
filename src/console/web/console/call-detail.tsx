/** One call, whether it runs or is over: how it went, its legs, media, messages and data. */
import { useState } from 'preact/hooks';
import type { CallDetail as Detail } from '../../protocol.ts';
import { Icon } from '../shared/icon.tsx';
import { ConfirmDialog } from './ask-dialog.tsx';
import { CallMedia } from './call-media.tsx';
import { CallPhases } from './call-phases.tsx';
import { useConsole } from './console-context.ts';
import { isTelling } from './event-words.ts';
import { dateTime, shownUri } from './format.ts';
import { Ladder } from './ladder.tsx';
import { LegCard } from './leg-card.tsx';
import { Duration, Marks, StateChip } from './pieces.tsx';
import { callHref } from './route.ts';

interface CallDetailProps {
  readonly detail: Detail;
  /** It was over before it was looked at: what is left of it comes from the store. */
  readonly finished?: boolean;
}

export function CallDetail({ detail, finished = false }: CallDetailProps) {
  const { api, session, say, live } = useConsole();
  const { call, variables, flags, media } = detail;
  const events = detail.events.filter(isTelling);
  const [ending, setEnding] = useState(false);
  const ended = call.state === 'deleted';
  const [from, to] = [shownUri(call.from), shownUri(call.to)];
  const may = session.role === 'control';
  const end = (): void => {
    setEnding(false);
    // h_entry and h_id, as dlg.list has them.
    api
      .rpc('dlg.end_dlg', call.id.split(':').map(Number))
      .then(() => say('The call is ended.'))
      .catch((error: Error) => say(error.message, 'bad'));
  };
  return (
    <div class="call">
      <header class="call-head">
        <a
          class="button bare square"
          href={finished ? '#/finished' : '#/'}
          aria-label="Back to the calls"
          title="Back to the calls"
        >
          <Icon name="back" />
        </a>
        <div class="call-title">
          <h1>
            <span title={call.from}>{from.user}</span>
            <span class="quiet" aria-hidden="true">
              →
            </span>
            <span class="sr-only"> to </span>
            <span title={call.to}>{to.user}</span>
          </h1>
          <p class="call-marks">
            <StateChip call={call} />
            {!ended && <Duration since={call.answeredAt ?? call.startedAt} />}
            {!finished && <Marks call={call} />}
            {call.trunk !== undefined && <span class="chip">trunk {call.trunk}</span>}
            {call.conference !== undefined && <span class="chip">conference {call.conference}</span>}
            {call.bridge !== undefined && (
              <a class="chip" href={callHref(call.bridge)}>
                bridged with {call.bridge}
              </a>
            )}
          </p>
        </div>
        {!finished && (
          <button type="button" class="button danger" disabled={!may || ended} onClick={() => setEnding(true)}>
            <Icon name="end" />
            End call
          </button>
        )}
      </header>
      <dl class="call-ids quiet">
        <div>
          <dt>Call-ID</dt>
          <dd class="mono">{call.callId}</dd>
        </div>
        <div>
          <dt>Dialog</dt>
          <dd class="mono">{call.id}</dd>
        </div>
        <div>
          <dt>Began</dt>
          <dd class="num">{dateTime(call.startedAt, Date.now() + live.ahead)}</dd>
        </div>
        <div>
          <dt>Direction</dt>
          <dd>{call.direction === 'in' ? 'incoming' : 'outgoing'}</dd>
        </div>
      </dl>
      {ended && !finished && (
        <p class="notice">
          <Icon name="phone" />
          This call has ended. What was seen of it stays here until you leave the page.
        </p>
      )}
      {!may && !ended && (
        <p class="notice">
          <Icon name="lock" />
          Your role is “view”: you see everything here. Actions and listening in need the role “control”.
        </p>
      )}
      {!finished && <CallPhases call={call} events={events} />}
      <div class="legs">
        {call.legs.map((leg) => (
          <LegCard key={leg.sessionId} call={call} leg={leg} last={media[leg.sessionId]?.at(-1)} finished={finished} />
        ))}
      </div>
      {!finished && <CallMedia detail={detail} />}
      <Ladder detail={detail} events={events} />
      <div class="data-cards">
        <Pairs title="Variables" pairs={variables} none="The script has set none." />
        {!finished && (
          <>
            <Pairs title="Profiles" pairs={call.profiles} none="The call is in none." />
            <Pairs title="Flags" pairs={flags} none="None is set." />
          </>
        )}
      </div>
      {ending && (
        <ConfirmDialog
          title="End this call?"
          text={`${from.user} and ${to.user} are disconnected at once. Both sides get a BYE.`}
          submit="End call"
          onConfirm={end}
          onClose={() => setEnding(false)}
        />
      )}
    </div>
  );
}

function Pairs({ title, pairs, none }: { title: string; pairs: Readonly<Record<string, unknown>>; none: string }) {
  const all = Object.entries(pairs);
  return (
    <section class="card pairs">
      <h2>{title}</h2>
      {all.length === 0 ? (
        <p class="quiet">{none}</p>
      ) : (
        <dl>
          {all.map(([name, value]) => (
            <div key={name}>
              <dt class="mono">{name}</dt>
              <dd class="mono">{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
