/** What stands around every page: where one can go, whether it is live, who listens. */
import { Icon } from '../shared/icon.tsx';
import { Logo } from '../shared/logo.tsx';
import { ThemeButton } from '../shared/theme-button.tsx';
import { useConsole, useLive, useNow } from './console-context.ts';
import { duration, shownUri, timeOfDay } from './format.ts';
import type { Route } from './route.ts';

export function Header({ route }: { readonly route: Route }) {
  const { session, logout } = useConsole();
  const { connection, queues, mailboxes } = useLive('connection', 'queues', 'mailboxes');
  const waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0);
  const unheard = mailboxes.reduce((sum, box) => sum + box.new, 0);
  const link = (href: string, name: string, pages: readonly Route['page'][], news = 0, what = '') => (
    <a href={href} {...(pages.includes(route.page) && { 'aria-current': 'page' as const })}>
      {name}
      {news > 0 && (
        <>
          <span class="chip accent num" aria-hidden="true">
            {news}
          </span>
          <span class="sr-only">
            {news} {what}
          </span>
        </>
      )}
    </a>
  );
  return (
    <header class="top">
      <Logo href="#/" />
      <nav aria-label="Pages">
        {link('#/', 'Calls', ['calls', 'call'])}
        {link('#/finished', 'Finished', ['finished', 'finished-call'])}
        {link('#/registrations', 'Registrations', ['registrations'])}
        {queues.length > 0 && link('#/queues', 'Queues', ['queues'], waiting, 'waiting')}
        {mailboxes.length > 0 && link('#/voicemail', 'Voicemail', ['voicemail'], unheard, 'new')}
        <a href="./phone" target="_blank" rel="noopener">
          Phone
        </a>
      </nav>
      <div class="top-end">
        <span class={`live ${connection}`} title={`${session.server.name} · Tandem ${session.server.version}`}>
          <i aria-hidden="true" />
          <span class="server clip">{session.server.name}</span>
          <span class="sr-only">{connection === 'open' ? ', live' : ', not connected'}</span>
        </span>
        <ThemeButton />
        {session.loginNeeded && (
          <>
            <span class="who" title={`Logged in as ${session.user ?? 'token'}, role ${session.role}`}>
              <Icon name="user" />
              <span class="clip">{session.user ?? 'token'}</span>
              <span class="chip">{session.role}</span>
            </span>
            <button type="button" class="button bare square" aria-label="Log out" title="Log out" onClick={logout}>
              <Icon name="out" />
            </button>
          </>
        )}
      </div>
    </header>
  );
}

/** Says that what is seen is old. */
export function LostBar() {
  const { live, connection } = useConsole();
  const { connection: state, loaded, retryAt, totals } = useLive('connection');
  const now = useNow() - live.ahead;
  const lost = state === 'lost' || (state === 'connecting' && loaded);
  return (
    <div role="status" class="lost-frame">
      {lost && (
        <p class="lost-bar">
          <Icon name="warn" />
          <span>
            <b>Connection lost.</b> {totals && `What you see is from ${timeOfDay(totals.at)}. `}
            {/* Not read out every second. */}
            <span class="num" aria-hidden="true">
              {state === 'lost' && retryAt !== undefined
                ? `Next attempt in ${Math.max(0, Math.ceil((retryAt - now) / 1_000))} s.`
                : 'Connecting…'}
            </span>
          </span>
          <button type="button" class="button small" disabled={state !== 'lost'} onClick={connection.retry}>
            Try now
          </button>
        </p>
      )}
    </div>
  );
}

export function ListeningBar() {
  const { listening, listen, live, session } = useConsole();
  const now = useNow() - live.ahead;
  if (!listening) return null;
  const leg = [...live.calls.values()]
    .flatMap(({ legs }) => legs)
    .find(({ sessionId }) => sessionId === listening.sessionId);
  const who = leg ? shownUri(leg.uri).user : 'a call';
  return (
    <div class="listening" role="alert">
      <span class="listening-dot" aria-hidden="true" />
      <p>
        <b>You are listening in to {who}.</b> This is logged{session.user !== undefined && ` under “${session.user}”`}.
      </p>
      <span class="num" aria-hidden="true">
        {listening.since === undefined ? '…' : duration(now - listening.since)}
      </span>
      <button type="button" class="button small" onClick={() => listen(undefined)}>
        <Icon name="stop" />
        Stop
      </button>
    </div>
  );
}
