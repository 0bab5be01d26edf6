/** The first page: figures, and every call that runs. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { CallRow } from '../../protocol.ts';
import { Icon } from '../shared/icon.tsx';
import { chooseCalls, type FilterName, filters, type Order, type SortKey } from './call-list.ts';
import { useLive, useMedia } from './console-context.ts';
import { type Column, DataTable, SearchField } from './data-table.tsx';
import { count } from './format.ts';
import { Address, Duration, Empty, Marks, Mos, StateChip } from './pieces.tsx';
import { codecs, worstMos } from './quality.ts';
import { callHref } from './route.ts';
import { Tiles } from './tiles.tsx';

const from: Column<CallRow> = {
  key: 'from',
  name: 'From',
  class: 'c-address',
  sortable: true,
  cell: (call) => (
    <a class="row-link" href={callHref(call.id)}>
      <Address uri={call.from} />
    </a>
  ),
};
const wide: readonly Column<CallRow>[] = [
  { key: 'state', name: 'State', class: 'c-state', sortable: true, cell: (call) => <StateChip call={call} /> },
  from,
  { key: 'to', name: 'To', class: 'c-address', sortable: true, cell: (call) => <Address uri={call.to} /> },
  {
    key: 'started',
    name: 'Duration',
    class: 'c-duration',
    sortable: true,
    cell: ({ answeredAt, startedAt }) => <Duration since={answeredAt ?? startedAt} />,
  },
  {
    key: 'codec',
    name: 'Codec',
    class: 'c-codec',
    sortable: true,
    cell: (call) => <span class="clip">{codecs(call) || <span class="quiet">–</span>}</span>,
  },
  { key: 'mos', name: 'MOS', class: 'c-mos', sortable: true, cell: (call) => <Mos value={worstMos(call)} /> },
  {
    key: 'trunk',
    name: 'Trunk',
    class: 'c-trunk',
    cell: ({ trunk, conference }) => <span class="clip quiet">{trunk ?? conference ?? ''}</span>,
  },
  { key: 'marks', name: 'Security', class: 'c-marks', cell: (call) => <Marks call={call} /> },
];
const narrow: readonly Column<CallRow>[] = [
  {
    key: 'call',
    name: 'Call',
    class: 'c-stack',
    cell: (call) => (
      <div class="stack-cell">
        <a class="row-link" href={callHref(call.id)}>
          <Address uri={call.from} />
        </a>
        <Duration since={call.answeredAt ?? call.startedAt} />
        <span class="stack-to">
          <span class="quiet" aria-hidden="true">
            →{' '}
          </span>
          <span class="sr-only">to </span>
          <Address uri={call.to} />
        </span>
        <Mos value={worstMos(call)} />
        <StateChip call={call} />
        <span class="stack-marks">
          <span class="quiet clip">{codecs(call)}</span>
          <Marks call={call} />
        </span>
      </div>
    ),
  },
];

/** Kept while other pages are looked at. */
const kept = {
  search: '',
  filter: 'all' as FilterName,
  order: { key: 'started', down: true } as Order,
};

export function CallsPage() {
  const live = useLive('calls');
  const [{ search, filter, order }, setView] = useState({ ...kept });
  const change = (part: Partial<typeof kept>): void => setView(Object.assign(kept, part) && { ...kept });
  const isNarrow = useMedia('(max-width: 719px)');
  const version = useRef(0);
  version.current += 1;
  const rows = useMemo(() => chooseCalls(live.calls.values(), { search, filter, order }), [version.current]);
  const all = live.calls.size;
  const orderBy = (key: string): void =>
    change({ order: { key: key as SortKey, down: order.key === key ? !order.down : key === 'started' } });
  return (
    <>
      <h1 class="sr-only">Calls</h1>
      <Tiles />
      <section class="card list" aria-labelledby="live">
        <div class="card-head list-head">
          <h2 id="live">
            Live calls{' '}
            <span class="chip num">{rows.length === all ? count(all) : `${count(rows.length)} of ${count(all)}`}</span>
          </h2>
          <div class="list-tools">
            <SearchField
              label="Search number, Call-ID, codec"
              {...(isNarrow && { hint: 'Search' })}
              value={search}
              onSearch={(text) => change({ search: text })}
            />
            <select
              class="input"
              aria-label="Show"
              value={filter}
              onChange={(event) => change({ filter: event.currentTarget.value as FilterName })}
            >
              {Object.entries(filters).map(([key, { name }]) => (
                <option key={key} value={key}>
                  {name}
                </option>
              ))}
            </select>
          </div>
        </div>
        {rows.length > 0 ? (
          <DataTable
            label="Live calls"
            columns={isNarrow ? narrow : wide}
            rows={rows}
            keyOf={({ id }) => id}
            hrefOf={({ id }) => callHref(id)}
            rowHeight={isNarrow ? 92 : 44}
            order={order}
            onOrder={orderBy}
          />
        ) : (
          <Nothing loaded={live.loaded} some={all > 0} onClear={() => change({ search: '', filter: 'all' })} />
        )}
      </section>
    </>
  );
}

function Nothing({ loaded, some, onClear }: { loaded: boolean; some: boolean; onClear: () => void }) {
  if (!loaded) return <p class="empty quiet">Asking the server…</p>;
  if (some)
    return (
      <Empty icon="search" title="No call is like that">
        <p>
          <button type="button" class="button" onClick={onClear}>
            Show all calls
          </button>
        </p>
      </Empty>
    );
  return (
    <Empty icon="phone" title="No calls yet">
      <p>
        Open the <a href="./phone">phone page</a> in another tab and call <b>1000</b> for the menu, or <b>600</b> to
        hear yourself. Calls appear here the moment they begin.
      </p>
      <p>
        <a class="button primary" href="./phone" target="_blank" rel="noopener">
          <Icon name="phone" />
          Open the phone
        </a>
      </p>
    </Empty>
  );
}
