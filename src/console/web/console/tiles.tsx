/** The server's figures: each with its last ten minutes, or longer where the server remembers. */
import { useMemo, useState } from 'preact/hooks';
import type { Totals } from '../../protocol.ts';
import { Chart, type ChartSeries } from './chart.tsx';
import { useLive, useMedia } from './console-context.ts';
import { averaged, loadRange, mosRange } from './figures.ts';
import { count, milliseconds, percent, rate } from './format.ts';
import { mosWord } from './quality.ts';
import { SpanSwitch } from './span-switch.tsx';

const spans = { '10 min': 600_000, '1 h': 3_600_000, '24 h': 86_400_000 } as const;

interface Tile {
  readonly name: string;
  readonly value: (totals: Totals) => string;
  readonly note: (totals: Totals) => string;
  readonly series: readonly (ChartSeries & { readonly of: (totals: Totals) => number | undefined })[];
  readonly range?: (shown: readonly Totals[]) => readonly [number, number];
  readonly axis?: (value: number) => string;
}

const score = (value: number): string => value.toFixed(2);
const tiles: readonly Tile[] = [
  {
    name: 'Active calls',
    value: ({ active }) => count(active),
    note: ({ early }) => `${count(early)} ringing`,
    series: [{ name: 'active', color: '--leg-a', fill: true, write: count, of: ({ active }) => active }],
  },
  {
    name: 'Calls per second',
    value: ({ callsPerSecond }) => rate(callsPerSecond),
    note: ({ messagesPerSecond }) => `${count(messagesPerSecond)} SIP messages/s`,
    series: [
      { name: 'calls/s', color: '--leg-b', fill: true, write: rate, of: ({ callsPerSecond }) => callsPerSecond },
    ],
  },
  {
    name: 'Quality (MOS)',
    value: ({ mos }) => (mos === undefined ? '–' : score(mos)),
    note: ({ mos, active }) => {
      if (mos !== undefined) return mosWord(mos).text;
      return active === 0 ? 'nobody is talking' : 'not measured yet';
    },
    series: [{ name: 'MOS', color: '--good', fill: true, write: score, of: ({ mos }) => mos }],
    range: mosRange,
  },
  {
    name: 'Server load',
    value: ({ cpu }) => percent(cpu),
    note: ({ eventLoopDelay }) => `${milliseconds(eventLoopDelay)} event-loop delay`,
    series: [
      { name: 'CPU', color: '--leg-a', fill: true, write: percent, of: ({ cpu }) => cpu },
      {
        name: 'delay',
        color: '--leg-b',
        second: true,
        write: milliseconds,
        of: ({ eventLoopDelay }) => eventLoopDelay,
      },
    ],
    range: loadRange,
    axis: (value) => `${Math.round(value * 100)} %`,
  },
];

export function Tiles() {
  const { history, totals } = useLive('totals');
  const [span, setSpan] = useState<keyof typeof spans>('10 min');
  const small = useMedia('(max-width: 599px)');
  const last = history.at(-1)?.at ?? 0;
  const shown = useMemo(() => history.filter(({ at }) => at > last - spans[span]), [history, span, last]);
  const data = useMemo(
    () =>
      tiles.map(({ series }) =>
        averaged(
          shown,
          series.map(({ of }) => of),
          small ? 60 : 120,
        ),
      ),
    [shown, small],
  );
  // A span that is longer than what the server remembers shows nothing more.
  const oldest = history[0]?.at ?? last;
  const choices = (Object.keys(spans) as (keyof typeof spans)[]).filter(
    (_, i, all) => i === 0 || last - oldest > spans[all[i - 1] as keyof typeof spans] * 1.05,
  );
  return (
    <section aria-labelledby="figures">
      <div class="figures-head">
        <h2 id="figures" class="sr-only">
          Figures
        </h2>
        {totals && (
          <p class="quiet num">
            <b>{count(totals.processed)}</b> calls since start, <b>{count(totals.failed)}</b> failed,{' '}
            <b>{count(totals.registered)}</b> registered
          </p>
        )}
        {choices.length > 1 && <SpanSwitch names={choices} chosen={span} choose={setSpan} />}
      </div>
      <div class="tiles">
        {tiles.map(({ name, value, note, series, range, axis }, i) => (
          <div class="card tile" key={name}>
            <h3>{name}</h3>
            <p class="tile-value num">{totals ? value(totals) : '–'}</p>
            <p class="quiet tile-note num">{totals ? note(totals) : ''}</p>
            <Chart
              label={`${name}, last ${span}`}
              series={series}
              data={data[i] ?? []}
              height={small ? 44 : 96}
              sync="figures"
              axes={!small}
              {...(range && { range: range(shown) })}
              {...(axis && { axis })}
            />
          </div>
        ))}
      </div>
    </section>
  );
}
