import { Icon } from '../shared/icon.tsx';
import { shown } from './address.ts';
import type { HistoryEntry } from './history.ts';
import type { Phone } from './phone.ts';
import { duration } from './words.ts';

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export function History({ phone }: { readonly phone: Phone }) {
  return (
    <section class="card side-card" aria-label="Calls of this page">
      <h2>Calls</h2>
      {phone.history.length === 0 ? (
        <p class="quiet">Calls that you make or get here are listed until the page is closed.</p>
      ) : (
        <ul class="history">
          {phone.history.map((entry) => (
            <Entry key={entry.id} entry={entry} phone={phone} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Entry({ entry, phone }: { readonly entry: HistoryEntry; readonly phone: Phone }) {
  const name = shown(entry.peer, phone.agent.domain);
  const missed = entry.outcome === 'Missed';
  const talked = entry.talked === undefined ? '' : ` · ${duration(entry.talked)}`;
  return (
    <li>
      <span class={missed ? 'history-way missed' : 'history-way'}>
        <Icon name={entry.direction === 'in' ? 'down' : 'up'} />
        <span class="sr-only">{entry.direction === 'in' ? 'From' : 'To'}</span>
      </span>
      <span class="history-what">
        <span class="clip">{name}</span>
        <small class="quiet num">{`${time.format(entry.at)} · ${entry.outcome}${talked}`}</small>
      </span>
      <button
        type="button"
        class="button bare square"
        aria-label={`Call ${name} again`}
        disabled={phone.agent.registration.state !== 'registered'}
        onClick={() => void phone.call(entry.peer)}
      >
        <Icon name="phone" />
      </button>
    </li>
  );
}
