/** Who are you? A user of the configuration, or the token that was printed at the start. */
import { useState } from 'preact/hooks';
import type { SessionInfo } from '../../protocol.ts';
import { Icon } from '../shared/icon.tsx';
import { Logo } from '../shared/logo.tsx';
import { ThemeButton } from '../shared/theme-button.tsx';
import type { Api, Credentials } from './api.ts';

export function LoginPage({
  api,
  notice,
  onLogin,
}: {
  api: Api;
  notice?: string;
  onLogin: (session: SessionInfo) => void;
}) {
  const [way, setWay] = useState<'user' | 'token'>('user');
  const [error, setError] = useState(notice);
  const [busy, setBusy] = useState(false);
  const login = async (form: HTMLFormElement): Promise<void> => {
    const data = new FormData(form);
    const text = (name: string): string => String(data.get(name) ?? '');
    const credentials: Credentials =
      way === 'user' ? { user: text('user'), password: text('password') } : { token: text('token').trim() };
    setBusy(true);
    setError(undefined);
    try {
      onLogin(await api.login(credentials));
    } catch (cause) {
      setError((cause as Error).message);
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form
        class="card login-card"
        onSubmit={(event) => {
          event.preventDefault();
          void login(event.currentTarget);
        }}
      >
        <div class="login-top">
          <Logo href="./" />
          <ThemeButton />
        </div>
        <h1>Log in to the console</h1>
        <fieldset class="segments">
          <legend class="sr-only">Log in with</legend>
          <button type="button" class="button" aria-pressed={way === 'user'} onClick={() => setWay('user')}>
            User
          </button>
          <button type="button" class="button" aria-pressed={way === 'token'} onClick={() => setWay('token')}>
            Token
          </button>
        </fieldset>
        {way === 'user' ? (
          <>
            <label class="field">
              <span>User</span>
              <input class="input" name="user" autocomplete="username" autocapitalize="none" required />
            </label>
            <label class="field">
              <span>Password</span>
              <input class="input" name="password" type="password" autocomplete="current-password" required />
            </label>
          </>
        ) : (
          <label class="field">
            <span>Token</span>
            <input class="input mono" name="token" type="password" autocomplete="off" required />
            <small class="quiet">
              <code>http.token</code> of the configuration; in the image it is printed at the first start.
            </small>
          </label>
        )}
        {error !== undefined && (
          <p class="notice bad" role="alert">
            <Icon name="warn" />
            {error}
          </p>
        )}
        <button class="button primary" type="submit" disabled={busy}>
          {busy ? 'Logging in…' : 'Log in'}
        </button>
        <p class="quiet">
          Only want to make a call? <a href="./phone">Open the phone</a>.
        </p>
      </form>
    </main>
  );
}
