import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../shared/icon.tsx';
import type { Phone } from './phone.ts';
import { remember, remembered, rememberedPassword } from './remembered.ts';

export function RegisterForm({ phone, servers }: { readonly phone: Phone; readonly servers: readonly string[] }) {
  const known = remembered();
  const [user, setUser] = useState(known.user ?? '');
  const [password, setPassword] = useState(rememberedPassword() ?? '');
  const [server, setServer] = useState(known.server ?? servers[0] ?? '');
  const [keep, setKeep] = useState(rememberedPassword() !== undefined);
  const busy = phone.agent.registration.state === 'registering';

  const register = (): void => {
    remember(servers.includes(server) ? { user } : { user, server }, keep ? password : undefined);
    phone.register({ user: user.trim(), password, server: server.trim() });
  };
  useEffect(() => {
    if (keep && phone.agent.registration.state === 'off' && user !== '' && password !== '') register();
    // Only once, when the page is opened.
  }, []);

  return (
    <form
      class="card phone-login"
      aria-label="Register"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) register();
      }}
    >
      <h2>Register this phone</h2>
      <p class="quiet">With the user and password that the server has for you.</p>
      <label class="field">
        <span>User</span>
        <input
          class="input"
          name="user"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
          placeholder="5001"
          value={user}
          onInput={({ currentTarget }) => setUser(currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Password</span>
        <input
          class="input"
          type="password"
          name="password"
          autocomplete="current-password"
          required
          value={password}
          onInput={({ currentTarget }) => setPassword(currentTarget.value)}
        />
      </label>
      <label class="check">
        <input type="checkbox" checked={keep} onChange={({ currentTarget }) => setKeep(currentTarget.checked)} />
        <span>Stay registered when this tab is reloaded</span>
      </label>
      <details class="phone-more">
        <summary>Server</summary>
        <label class="field phone-more-body">
          <span>Server address</span>
          <input
            class="input mono"
            name="server"
            inputMode="url"
            autocapitalize="none"
            spellcheck={false}
            required
            list="phone-servers"
            value={server}
            onInput={({ currentTarget }) => setServer(currentTarget.value)}
          />
        </label>
        <datalist id="phone-servers">
          {servers.map((address) => (
            <option key={address} value={address} />
          ))}
        </datalist>
      </details>
      <button type="submit" class="button primary" aria-disabled={busy}>
        <Icon name="user" />
        {busy ? 'Registering…' : 'Register'}
      </button>
    </form>
  );
}
