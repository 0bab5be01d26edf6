/** The console: who is logged in, where one is, what is said at its edges. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { SessionInfo } from '../../protocol.ts';
import { Icon } from '../shared/icon.tsx';
import { Api } from './api.ts';
import { CallPage, FinishedCallPage } from './call-page.tsx';
import { CallsPage } from './calls-page.tsx';
import { Connection } from './connection.ts';
import { ConsoleContext, type ConsoleTools, type Listening } from './console-context.ts';
import { FinishedPage } from './finished-page.tsx';
import { Header, ListeningBar, LostBar } from './frame.tsx';
import { Listener } from './listener.ts';
import { Live } from './live.ts';
import { LoginPage } from './login-page.tsx';
import { QueuesPage } from './queues-page.tsx';
import { RegistrationsPage } from './registrations-page.tsx';
import { type Route, readRoute } from './route.ts';
import { VoicemailPage } from './voicemail-page.tsx';

export function App() {
  const api = useMemo(() => new Api(), []);
  const [session, setSession] = useState<SessionInfo | undefined>(undefined);
  const [notice, setNotice] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);

  const begin = useCallback((): void => {
    setProblem(undefined);
    api.session().then(setSession, (error: Error) => setProblem(error.message));
  }, [api]);
  useEffect(begin, [begin]);

  if (problem !== undefined)
    return (
      <main class="login">
        <div class="card login-card">
          <p class="notice bad" role="alert">
            <Icon name="warn" />
            {problem}
          </p>
          <button type="button" class="button primary" onClick={begin}>
            Try again
          </button>
        </div>
      </main>
    );
  if (!session) return <main class="login quiet">Asking the server…</main>;
  if (session.role === undefined)
    return <LoginPage api={api} onLogin={setSession} {...(notice !== undefined && { notice })} />;
  const out = (why?: string): void => {
    setNotice(why);
    begin();
  };
  return <Console api={api} session={session} onSession={setSession} onOut={out} />;
}

interface ConsoleProps {
  readonly api: Api;
  readonly session: SessionInfo;
  readonly onSession: (session: SessionInfo) => void;
  readonly onOut: (why?: string) => void;
}

function Console({ api, session, onSession, onOut }: ConsoleProps) {
  const live = useMemo(() => new Live(), []);
  const [listening, setListening] = useState<Listening | undefined>(undefined);
  const [toast, setToast] = useState<{ text: string; tone: 'good' | 'bad'; at: number } | undefined>(undefined);
  const player = useRef<Listener | undefined>(undefined);
  const say = useCallback(
    (text: string, tone: 'good' | 'bad' = 'good') => setToast({ text, tone, at: Date.now() }),
    [],
  );

  const silence = useCallback((): void => {
    void player.current?.close();
    player.current = undefined;
    setListening(undefined);
  }, []);
  const hear = useCallback(
    (sessionId: string, sampleRate: number): void => {
      const listener = new Listener(sampleRate);
      void player.current?.close();
      player.current = listener;
      setListening({ sessionId, since: Date.now() });
      listener.open().catch(() => {
        // One that was closed while it opened is nobody's any more.
        if (player.current !== listener) return;
        say('This browser plays nothing here: listening in needs https, or localhost.', 'bad');
        silence();
      });
    },
    [say, silence],
  );

  const handlers = useRef({ onSession, onOut });
  handlers.current = { onSession, onOut };
  const connection = useMemo(
    () =>
      new Connection(live, {
        allowed: async () => {
          const now = await api.session();
          if (now.role === undefined) handlers.current.onOut('You were logged out.');
          else handlers.current.onSession(now);
          return now.role !== undefined;
        },
        audio: (frame) => player.current?.play(frame),
        listening: hear,
        failed: (error) => {
          say(error, 'bad');
          silence();
        },
        lost: silence,
      }),
    [api, live, hear, say, silence],
  );
  useEffect(() => {
    connection.open();
    return () => {
      connection.close();
      void player.current?.close();
    };
  }, [connection]);
  // Nothing more comes of a leg that is gone.
  useEffect(() => {
    if (listening?.since === undefined) return;
    const look = (): void => {
      const { sessionId } = listening;
      for (const { legs } of live.calls.values()) if (legs.some((leg) => leg.sessionId === sessionId)) return;
      silence();
      say('The call that you listened to has ended.');
    };
    // It may have ended while it was asked for.
    look();
    return live.subscribe('calls', look);
  }, [live, listening, silence, say]);
  useEffect(() => {
    if (!toast) return;
    const timer = setTimeout(() => setToast(undefined), toast.tone === 'bad' ? 8_000 : 4_000);
    return () => clearTimeout(timer);
  }, [toast]);

  const tools: ConsoleTools = {
    api,
    live,
    connection,
    session,
    listening,
    listen: (sessionId) => {
      connection.say({ type: 'unlisten' });
      silence();
      if (sessionId === undefined) return;
      setListening({ sessionId, since: undefined });
      connection.say({ type: 'listen', sessionId });
    },
    say,
    logout: () =>
      void api.logout().then(
        () => onOut(),
        (error: Error) => say(error.message, 'bad'),
      ),
  };
  const route = useRoute();
  return (
    <ConsoleContext.Provider value={tools}>
      {/* No link: the address behind # is where one is. */}
      <button type="button" class="skip" onClick={toContent}>
        To the content
      </button>
      <Header route={route} />
      <LostBar />
      <main id="main" tabIndex={-1}>
        {route.page === 'calls' && <CallsPage />}
        {route.page === 'finished' && <FinishedPage />}
        {route.page === 'registrations' && <RegistrationsPage />}
        {route.page === 'queues' && <QueuesPage />}
        {route.page === 'voicemail' && <VoicemailPage {...(route.box !== undefined && { box: route.box })} />}
        {route.page === 'finished-call' && <FinishedCallPage key={route.id} id={route.id} />}
        {route.page === 'call' && <CallPage key={route.id} id={route.id} />}
      </main>
      <div class="foot">
        <ListeningBar />
        <div role="status">
          {toast && (
            <p class={`toast ${toast.tone}`} key={toast.at}>
              <Icon name={toast.tone === 'bad' ? 'warn' : 'check'} />
              {toast.text}
            </p>
          )}
        </div>
      </div>
    </ConsoleContext.Provider>
  );
}

function toContent(): void {
  document.getElementById('main')?.focus();
}

const titles = {
  calls: 'Calls',
  finished: 'Finished calls',
  registrations: 'Registrations',
  queues: 'Queues',
  voicemail: 'Voicemail',
  call: 'Call',
  'finished-call': 'Call',
} as const;

function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const changed = (): void => {
      setRoute(readRoute(location.hash));
      scrollTo(0, 0);
      // A reader of the screen goes on where the new page begins.
      document.getElementById('main')?.focus({ preventScroll: true });
    };
    // It may have changed before there was anybody to hear of it.
    setRoute(readRoute(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  useEffect(() => {
    document.title = `${titles[route.page]} · Tandem`;
  }, [route.page]);
  return route;
}
