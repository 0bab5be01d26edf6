/** The audio of each leg over time: levels as waveforms, loss, jitter and MOS as lines, all on one axis. */
import { useMemo, useState } from 'preact/hooks';
import type { CallDetail, CallLeg, MediaPoint } from '../../protocol.ts';
import { token } from '../shared/theme.ts';
import { Chart } from './chart.tsx';
import { mosRange } from './figures.ts';
import { milliseconds, timeOfDay } from './format.ts';
import { levelBars, type MediaField, mediaSeries } from './media-series.ts';
import { Empty } from './pieces.tsx';
import { SpanSwitch } from './span-switch.tsx';
import { useDrawing } from './use-drawing.ts';

interface Graph {
  readonly field: MediaField;
  readonly name: string;
  readonly write: (value: number) => string;
  readonly range?: (points: readonly MediaPoint[]) => readonly [number, number];
}

const graphs: readonly Graph[] = [
  { field: 'mos', name: 'MOS', write: (value) => value.toFixed(2), range: mosRange },
  { field: 'loss', name: 'Packet loss (%)', write: (value) => `${value.toFixed(1)} %` },
  { field: 'jitter', name: 'Jitter (ms)', write: milliseconds },
];

const spans = { '1 min': 60_000, '5 min': 300_000, All: Number.POSITIVE_INFINITY } as const;

export function CallMedia({ detail }: { readonly detail: CallDetail }) {
  const { legs } = detail.call;
  const [span, setSpan] = useState<keyof typeof spans>('1 min');
  const all = Object.values(detail.media).flat();
  const to = all.reduce((last, { at }) => Math.max(last, at), 0);
  const first = all.reduce((earliest, { at }) => Math.min(earliest, at - 1_000), to);
  const from = Math.max(first, to - spans[span]);
  const media = useMemo(() => {
    const recent = ([id, points]: [string, readonly MediaPoint[]]) =>
      [id, points.filter(({ at }) => at > from)] as const;
    return Object.fromEntries(Object.entries(detail.media).map(recent));
  }, [detail.media, from]);
  const lines = legs.map(({ side }) => ({
    name: side,
    color: side === 'caller' ? ('--leg-a' as const) : ('--leg-b' as const),
  }));
  return (
    <section class="card" aria-labelledby="media">
      <div class="card-head">
        <h2 id="media">Media</h2>
        <p class="legend quiet">
          {legs.map(({ side, sessionId }) => (
            <span key={sessionId}>
              <i class={`key ${side === 'caller' ? 'leg-a' : 'leg-b'}`} /> {side}
            </span>
          ))}
        </p>
        {all.length > 0 && (
          <SpanSwitch names={Object.keys(spans) as (keyof typeof spans)[]} chosen={span} choose={setSpan} />
        )}
      </div>
      {all.length === 0 ? (
        <Empty icon="wave" title="No audio yet">
          <p>It is measured once a second from the answer on.</p>
        </Empty>
      ) : (
        <div class="media">
          <div class="levels">
            {legs.map((leg, i) => (
              <Levels
                key={leg.sessionId}
                leg={leg}
                points={media[leg.sessionId] ?? []}
                from={from}
                to={to}
                times={i === legs.length - 1}
              />
            ))}
          </div>
          <div class="graphs">
            {graphs.map(({ field, name, write, range }) => (
              <figure key={field}>
                <figcaption>{name}</figcaption>
                <Chart
                  label={name}
                  series={lines.map((line) => ({ ...line, write }))}
                  data={mediaSeries(media, legs, field)}
                  height={112}
                  sync="media"
                  {...(range && { range: range(Object.values(media).flat()) })}
                />
              </figure>
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

interface LevelsProps {
  readonly leg: CallLeg;
  readonly points: readonly MediaPoint[];
  readonly from: number;
  readonly to: number;
  /** Written below. */
  readonly times: boolean;
}

/** What the leg says upwards, what it is told downwards. */
function Levels({ leg, points, from, to, times }: LevelsProps) {
  const canvas = useDrawing(
    (context, width, height) => {
      const bars = Math.floor(width / 3);
      const received = levelBars(points, 'received', { from, to, bars });
      const sent = levelBars(points, 'sent', { from, to, bars });
      const half = height / 2;
      const color = token(leg.side === 'caller' ? '--leg-a' : '--leg-b');
      for (let i = 0; i < bars; i += 1) {
        context.fillStyle = color;
        const up = Math.max(0.5, (received[i] as number) * (half - 1));
        context.globalAlpha = 1;
        context.fillRect(i * 3, half - up, 2, up);
        const down = Math.max(0.5, (sent[i] as number) * (half - 1));
        context.globalAlpha = 0.4;
        context.fillRect(i * 3, half, 2, down);
      }
    },
    [points, from, to, leg.side],
  );
  const speaks = points.slice(-2).some(({ received }) => received.some((level) => level > -50));
  const label = `Levels of the ${leg.side}: ${speaks ? 'is heard' : 'is silent'} now`;
  return (
    <figure class="level">
      <figcaption>
        <b>{leg.side === 'caller' ? 'Caller' : 'Callee'}</b> <span class="quiet">above: is heard · below: hears</span>
      </figcaption>
      <canvas ref={canvas} class="waveform" role="img" aria-label={label} />
      {times && (
        <p class="level-times quiet num" aria-hidden="true">
          {[0, 1, 2, 3, 4].map((i) => (
            <span key={i}>{timeOfDay(from + ((to - from) * i) / 4)}</span>
          ))}
        </p>
      )}
    </figure>
  );
}
