/** Who can be called: the users that are registered, and where. */
import { useMemo, useState } from 'preact/hooks';
import type { RegistrationRow } from '../../protocol.ts';
import { useLive, useMedia, useNow } from './console-context.ts';
import { type Column, DataTable, SearchField } from './data-table.tsx';
import { count, duration } from './format.ts';
import { Empty } from './pieces.tsx';

function Expires({ at }: { readonly at: number }) {
  const left = at - useNow();
  return left > 0 ? <span class="num">in {duration(left)}</span> : <span class="quiet">expired</span>;
}

const safe = new Set(['tls', 'wss']);

function Transport({ name }: { readonly name: string }) {
  return <span class={`chip ${safe.has(name.toLowerCase()) ? 'good' : ''}`}>{name.toUpperCase()}</span>;
}

const wide: readonly Column<RegistrationRow>[] = [
  { key: 'user', name: 'User', class: 'c-user', cell: ({ user }) => <b class="clip">{user}</b> },
  {
    key: 'contact',
    name: 'Contact',
    class: 'c-contact',
    cell: ({ contact }) => (
      <span class="clip mono" title={contact}>
        {contact}
      </span>
    ),
  },
  {
    key: 'transport',
    name: 'Transport',
    class: 'c-transport',
    cell: ({ transport }) => <Transport name={transport} />,
  },
  { key: 'source', name: 'Source', class: 'c-source', cell: ({ source }) => <span class="clip mono">{source}</span> },
  {
    key: 'agent',
    name: 'Device',
    class: 'c-agent',
    cell: ({ userAgent }) => (
      <span class="clip" title={userAgent}>
        {userAgent}
      </span>
    ),
  },
  { key: 'expires', name: 'Expires', class: 'c-expires', cell: ({ expiresAt }) => <Expires at={expiresAt} /> },
];
const narrow: readonly Column<RegistrationRow>[] = [
  {
    key: 'user',
    name: 'User',
    class: 'c-stack',
    cell: (row) => (
      <div class="stack-cell">
        <b>{row.user}</b>
        <Transport name={row.transport} />
        <span class="clip quiet mono">{row.source}</span>
        <Expires at={row.expiresAt} />
        <span class="clip quiet stack-whole">{row.userAgent}</span>
      </div>
    ),
  },
];

export function RegistrationsPage() {
  const { registrations, moreRegistrations, loaded } = useLive('registrations');
  const [search, setSearch] = useState('');
  const isNarrow = useMedia('(max-width: 719px)');
  const rows = useMemo(() => {
    const text = search.trim().toLowerCase();
    const found = registrations.filter((row) =>
      `${row.user} ${row.contact} ${row.transport} ${row.source} ${row.userAgent}`.toLowerCase().includes(text),
    );
    return found.sort((a, b) => a.user.localeCompare(b.user, 'en', { numeric: true }));
  }, [registrations, search]);
  return (
    <section class="card list" aria-labelledby="registered">
      <div class="card-head list-head">
        <h1 id="registered">
          Registrations{' '}
          <span class="chip num">
            {moreRegistrations > 0
              ? `${count(rows.length)} of ${count(registrations.length + moreRegistrations)}`
              : count(rows.length)}
          </span>
        </h1>
        <div class="list-tools">
          <SearchField label="Search user, address, device" value={search} onSearch={setSearch} />
        </div>
      </div>
      {rows.length > 0 ? (
        <DataTable
          label="Registrations"
          columns={isNarrow ? narrow : wide}
          rows={rows}
          keyOf={({ user, contact }) => `${user}\n${contact}`}
          rowHeight={isNarrow ? 92 : 44}
        />
      ) : registrations.length > 0 ? (
        <Empty icon="search" title="Nobody is like that" />
      ) : loaded ? (
        <Empty icon="user" title="Nobody is registered">
          <p>
            Open the <a href="./phone">phone page</a> and register as one of the users of <code>tandem.yaml</code>;{' '}
            <code>npm start -- --demo</code> makes users 5001 to 5003.
          </p>
        </Empty>
      ) : (
        <p class="empty quiet">Asking the server…</p>
      )}
    </section>
  );
}
