/** What a listener hears of a voice with loss and jitter on the way: with what was lost made up, and with silence in its place. */
import {
  hear,
  level,
  longestSilence,
  type Network,
  packets,
  throughCodec,
  voice,
} from '../../test/media/jitter/stream.ts';
import { median } from '../lab/repeat.ts';
import { figure, type Table } from '../lab/table.ts';
import type { Lab } from './scenario.ts';

const seconds = 60;
const seeds = [1, 2, 3, 4, 5];
const networks: readonly Network[] = [
  { loss: 0.01, jitter: 60 },
  { loss: 0.05, jitter: 60 },
  { loss: 0.1, jitter: 60 },
  { loss: 0.1, jitter: 0 },
];

export async function plc({ progress }: Lab): Promise<Table> {
  const said = voice(8000 * seconds);
  const clean = throughCodec(said);
  const rows = networks.map(({ loss = 0, jitter = 0 }) => {
    progress(`plc: ${loss * 100} % loss, ${jitter} ms of jitter`);
    const runs = seeds.map((seed) => {
      const sent = packets(said, { loss, jitter, seed });
      const { samples, playout } = hear(sent, seconds * 1000);
      const numbers = sent.map(({ timestamp }) => ((timestamp - 4_294_960_000) >>> 0) / 160).toSorted((a, b) => a - b);
      const bare = clean.slice();
      const came = new Set(numbers);
      for (let n = 0; n < seconds * 50; n++) if (!came.has(n)) bare.fill(0, n * 160, n * 160 + 160);
      return {
        burst: 20 * Math.max(...numbers.slice(1).map((n, i) => n - numbers[i]! - 1)),
        gap: longestSilence(samples) / 8,
        gapBare: longestSilence(bare) / 8,
        energy: level(samples) - level(clean),
        energyBare: level(bare) - level(clean),
        late: playout.stats.late,
        delay: playout.stats.delayMs,
      };
    });
    const of = (name: keyof (typeof runs)[number]): number => median(runs.map((run) => run[name]));
    return [
      `${loss * 100} %, ${jitter} ms`,
      figure(of('burst'), 0),
      `${figure(of('gap'), 1)} / ${figure(of('gapBare'), 0)}`,
      `${figure(of('energy'), 2)} / ${figure(of('energyBare'), 2)}`,
      figure(of('late'), 0),
      figure(of('delay'), 0),
    ];
  });
  return {
    title: 'Loss made up, and not',
    head: [
      'loss, jitter',
      'longest loss, ms',
      'longest silence with / without PLC, ms',
      'energy against none lost with / without, dB',
      'late packets',
      'delay at the end, ms',
    ],
    rows,
    notes: [
      `A voice of ${seconds} s in packets of 20 ms (PCMU), medians of the seeds ${seeds.join(', ')}, in virtual time: ` +
        'the same on every machine. Silence is what stays below −72 dB; the voice itself has a few such samples.',
    ],
  };
}
