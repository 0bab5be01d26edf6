/**
 * CPU time of each detector per frame of 20 ms: `node bench/scripts/analysis.ts`. The audio is a made-up voice with key
 * presses in it; the figure is the best of five rounds, after a round to warm up.
 */
import { type AnalysisConfig, openAnalyser } from '../../media/analysis/analyser.ts';
import { defaultMachineSettings } from '../../media/analysis/machine-detector.ts';
import { toneKinds } from '../../media/analysis/tone-plans.ts';
import { frames, join, key, limited } from '../../test/media/analysis/signals.ts';
import { Speaker } from '../../test/media/analysis/speech.ts';

const speaker = new Speaker(1);
const parts = [...'0123456789'].flatMap((digit) => [speaker.talk(3000), key(digit)]);
const audio = [...frames(limited(join(...parts)))];

const configs: readonly (readonly [string, AnalysisConfig])[] = [
  ['digits', { kind: 'digits' }],
  ['speech', { kind: 'speech', settings: { silenceMs: 700 } }],
  ['tones, etsi', { kind: 'tones', kinds: toneKinds, plan: 'etsi' }],
  ['tones, us', { kind: 'tones', kinds: toneKinds, plan: 'us' }],
  [
    'machine',
    { kind: 'machine', settings: { ...defaultMachineSettings, decisionMs: 1e9, greetingMs: 1e9, silenceMs: 1e9 } },
  ],
  ['level', { kind: 'level' }],
];

for (const [name, config] of configs) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 6; round++) {
    const analyser = openAnalyser(config);
    const before = process.cpuUsage();
    for (const frame of audio) analyser.frame(frame, true);
    const { user, system } = process.cpuUsage(before);
    if (round > 0) best = Math.min(best, (user + system) / audio.length);
  }
  console.log(`${name.padEnd(12)} ${best.toFixed(1)} µs per frame`);
}
