/** Calls that have ended, newest first, with their recordings. */
import { useEffect, useState } from 'preact/hooks';
import type { FinishedPage as FinishedList, FinishedRow } from '../../protocol.ts';
import { Icon } from '../shared/icon.tsx';
import { recordingPath } from './api.ts';
import { useConsole, useMedia, useNow } from './console-context.ts';
import { SearchField } from './data-table.tsx';
import { dateTime, duration } from './format.ts';
import { Address, Empty } from './pieces.tsx';
import { finishedHref } from './route.ts';
import { WavePlayer } from './wave-player.tsx';

export function FinishedPage() {
  const { api } = useConsole();
  const isNarrow = useMedia('(max-width: 719px)');
  const [search, setSearch] = useState('');
  const [found, setFound] = useState<FinishedList | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const [playing, setPlaying] = useState<string | undefined>(undefined);

  const load = async (before?: string, signal?: AbortSignal): Promise<void> => {
    setBusy(true);
    try {
      const page = await api.finished(search.trim(), before, signal);
      setFound((old) => ({ ...page, rows: before === undefined ? page.rows : [...(old?.rows ?? []), ...page.rows] }));
      setError(undefined);
    } catch (cause) {
      if (signal?.aborted) return;
      setError((cause as Error).message);
    }
    setBusy(false);
  };

  useEffect(() => {
    const stop = new AbortController();
    const wait = setTimeout(() => void load(undefined, stop.signal), found ? 250 : 0);
    return () => {
      clearTimeout(wait);
      stop.abort();
    };
  }, [search]);

  return (
    <section class="card list" aria-labelledby="finished">
      <div class="card-head list-head">
        <h1 id="finished">Finished calls</h1>
        <div class="list-tools">
          <SearchField
            label="Search number or Call-ID"
            {...(isNarrow && { hint: 'Search' })}
            value={search}
            onSearch={setSearch}
          />
          <button type="button" class="button" disabled={busy} onClick={() => void load()}>
            Refresh
          </button>
        </div>
      </div>
      {error !== undefined && (
        <p class="notice bad in-card" role="alert">
          <Icon name="warn" />
          {error}
        </p>
      )}
      {found && found.rows.length > 0 && (
        <table class="data finished" aria-label="Finished calls" aria-busy={busy}>
          <thead>
            <tr>
              <th scope="col" class="c-when">
                Began
              </th>
              <th scope="col" class="c-address">
                From
              </th>
              <th scope="col" class="c-address">
                To
              </th>
              <th scope="col" class="c-duration">
                Duration
              </th>
              <th scope="col" class="c-result">
                Result
              </th>
              <th scope="col" class="c-recordings">
                Recordings
              </th>
            </tr>
          </thead>
          <tbody>
            {found.rows.map((row) => (
              <Row key={`${row.id}${row.startedAt}`} row={row} playing={playing} onPlay={setPlaying} />
            ))}
          </tbody>
        </table>
      )}
      {found?.rows.length === 0 &&
        (search.trim() !== '' ? (
          <Empty icon="search" title="No finished call is like that" />
        ) : (
          <Empty icon="phone" title="No call has ended yet">
            <p>Each call is listed here when it ends, and its recordings can be heard.</p>
          </Empty>
        ))}
      {found?.more && (
        <p class="more">
          <button type="button" class="button" disabled={busy} onClick={() => void load(found.next)}>
            {busy ? 'Loading…' : 'Earlier calls'}
          </button>
        </p>
      )}
    </section>
  );
}

interface RowProps {
  readonly row: FinishedRow;
  readonly playing: string | undefined;
  readonly onPlay: (id: string | undefined) => void;
}

function Row({ row, playing, onPlay }: RowProps) {
  const now = useNow();
  const open = row.recordings.find(({ id }) => id === playing);
  const answered = row.answeredAt !== undefined;
  const result = answered ? row.cause : [row.status, row.cause].filter(Boolean).join(' ');
  return (
    <>
      <tr class={open ? 'opened' : ''}>
        <td class="c-when num">{dateTime(row.startedAt, now)}</td>
        <td class="c-address">
          <a class="row-link" href={finishedHref(row.id)}>
            <Address uri={row.from} />
          </a>
        </td>
        <td class="c-address">
          <Address uri={row.to} />
        </td>
        <td class="c-duration num">
          {answered ? duration(row.endedAt - (row.answeredAt ?? 0)) : <span class="quiet">–</span>}
        </td>
        <td class="c-result">
          <span class={`chip dot ${answered ? 'good' : 'bad'}`} title={result}>
            <span class="clip">{answered ? 'Answered' : result}</span>
          </span>
        </td>
        <td class="c-recordings">
          {row.recordings.map(({ id, name }) => (
            <button
              key={id}
              type="button"
              class="button small"
              aria-expanded={playing === id}
              title={name}
              onClick={() => onPlay(playing === id ? undefined : id)}
            >
              <Icon name={playing === id ? 'close' : 'wave'} />
              {playing === id ? 'Close' : 'Listen'}
              <span class="sr-only"> {name}</span>
            </button>
          ))}
        </td>
      </tr>
      {open && (
        <tr class="player-row">
          <td colSpan={6}>
            <WavePlayer key={open.id} path={recordingPath(open.id)} name={open.name} />
          </td>
        </tr>
      )}
    </>
  );
}
