import { useEffect } from 'preact/hooks';
import { Icon } from '../shared/icon.tsx';
import { Logo } from '../shared/logo.tsx';
import { ThemeButton } from '../shared/theme-button.tsx';
import type { Registration } from './agent.ts';
import type { PhoneCall } from './call.ts';
import { CallCard } from './call-card.tsx';
import { Dialer } from './dialer.tsx';
import { History } from './history-view.tsx';
import { usePhone } from './hooks.ts';
import { useKeys } from './keys.ts';
import type { Phone } from './phone.ts';
import { ProblemNotice } from './problem-notice.tsx';
import { RegisterForm } from './register-form.tsx';
import { forgetPassword } from './remembered.ts';
import { SoundPanel } from './sound-panel.tsx';
import { insecureProblem } from './words.ts';

export function App({ phone, servers }: { readonly phone: Phone; readonly servers: readonly string[] }) {
  usePhone(phone);
  useTitle(phone);
  useKeys(phone);
  const { agent, problem } = phone;
  const { registration } = agent;
  const signedIn = registration.state === 'registered' || registration.state === 'lost';
  const leave = () => {
    forgetPassword();
    agent.unregister();
  };
  return (
    <>
      <header class="phone-head">
        <h1>
          <Logo href="./" name="Tandem phone" />
        </h1>
        <Status registration={registration} />
        <span class="phone-head-end">
          {signedIn && (
            <button type="button" class="button bare" onClick={leave}>
              <Icon name="out" />
              Sign out
            </button>
          )}
          <ThemeButton />
        </span>
      </header>
      <main class={signedIn ? 'phone-main' : 'phone-main alone'}>
        {!isSecureContext && <ProblemNotice problem={insecureProblem(location)} />}
        {problem && <ProblemNotice problem={problem} onClose={() => phone.clearProblem()} />}
        {signedIn ? (
          <>
            <div class="phone-stage">
              {ringingFirst(agent.calls).map((call) => (
                <CallCard key={call.id} phone={phone} call={call} />
              ))}
              <Dialer phone={phone} />
            </div>
            <div class="phone-side">
              <SoundPanel phone={phone} />
              <History phone={phone} />
            </div>
          </>
        ) : (
          <RegisterForm phone={phone} servers={servers} />
        )}
      </main>
      <div class="sr-only" role="status" aria-live="polite">
        {phone.said}
      </div>
    </>
  );
}

/** Who knocks is to be seen without scrolling. */
function ringingFirst(calls: readonly PhoneCall[]): readonly PhoneCall[] {
  return [...calls].sort((a, b) => Number(b.state === 'incoming') - Number(a.state === 'incoming'));
}

const words = {
  off: ['Not registered', ''],
  registering: ['Registering…', 'accent'],
  registered: ['Registered', 'good'],
  lost: ['Connection lost, trying again…', 'warn'],
  failed: ['Not registered', 'bad'],
} as const satisfies Record<Registration['state'], readonly [string, string]>;

function Status({ registration }: { readonly registration: Registration }) {
  const [text, kind] = words[registration.state];
  const user = registration.state === 'registered' ? ` as ${registration.user}` : '';
  return <span class={`chip ${kind}`}>{`${text}${user}`}</span>;
}

/** Somebody who looks at another tab sees who calls. */
function useTitle(phone: Phone): void {
  const ringing = phone.agent.calls.find(({ state }) => state === 'incoming');
  const talking = phone.agent.calls.find(({ state, held }) => state === 'active' && !held);
  const title = ringing ? `${phone.nameOf(ringing)} is calling` : talking ? `In a call · ${phone.nameOf(talking)}` : '';
  useEffect(() => {
    document.title = title === '' ? 'Phone · Tandem' : `${title} · Tandem`;
  }, [title]);
}
