/** The detectors of a leg: what they are fed with, and how they go on from a snapshot. */
import { describe, expect, it } from 'vitest';
import type { AnalysisConfig } from '../../../media/analysis/analyser.ts';
import { resample } from '../../../media/audio/index.ts';
import { LegAnalysis } from '../../../media/engine/leg-analysis.ts';
import type { EngineEvent } from '../../../media/protocol.ts';
import { FakeClock } from '../../../src/testing/index.ts';
import { frames, join, key, limited, silence } from './signals.ts';

function open(): { analysis: LegAnalysis; events: EngineEvent[]; sizes: number[] } {
  const events: EngineEvent[] = [];
  const sizes: number[] = [];
  const analysis: LegAnalysis = new LegAnalysis(
    'leg',
    new FakeClock(),
    (event) => events.push(event),
    () => sizes.push(analysis.size),
  );
  return { analysis, events, sizes };
}

const digits = (events: readonly EngineEvent[]): string =>
  events
    .map((event) => (event.type === 'analysis.found' && event.found.type === 'digit' ? event.found.digit : ''))
    .join('');

const keyed = limited(join(silence(100), ...[...'147*'].flatMap((digit) => [key(digit), silence(80)])));

describe('the analysis of a leg', () => {
  it.each([8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000])('hears digits at %i Hz', (rate) => {
    const { analysis, events } = open();
    analysis.start('a', { kind: 'digits' });
    for (const frame of frames(resample(keyed, 8000, rate), Math.round(rate / 50))) analysis.heard(frame, rate, true);
    for (let i = 0; i < 5; i++) analysis.heardNothing();
    expect(digits(events)).toBe('147*');
  });

  it('goes on from a snapshot, wherever it was taken', () => {
    let { analysis, events } = open();
    analysis.start('a', { kind: 'digits' });
    for (const frame of frames(keyed)) {
      analysis.heard(frame, 8000, true);
      const snapshots = structuredClone(analysis.state);
      const next = open();
      next.analysis.restore(snapshots);
      // Whoever asked for it asks again, and changes nothing by that.
      next.analysis.start('a', { kind: 'digits' });
      next.events.unshift(...events);
      ({ analysis, events } = next);
    }
    expect(digits(events)).toBe('147*');
  });

  it.each<AnalysisConfig>([
    { kind: 'digits' },
    { kind: 'speech', settings: { silenceMs: 500 } },
    { kind: 'tones', kinds: ['beep'], plan: 'etsi' },
    {
      kind: 'machine',
      settings: {
        initialSilenceMs: 1,
        greetingMs: 1,
        silenceMs: 1,
        decisionMs: 1,
        beepMs: 1,
        beepSilenceMs: 1,
      },
    },
    { kind: 'level' },
  ])('has a plain state: $kind', (config) => {
    const { analysis } = open();
    analysis.start('a', config);
    for (const frame of frames(keyed)) analysis.heard(frame, 8000, true);
    const [state] = analysis.state;
    expect(structuredClone(state)).toEqual(state);
    expect(state).toMatchObject({ id: 'a', ...config });
  });

  it('takes what is lost for silence when it goes on', () => {
    const { analysis, events } = open();
    analysis.start('a', { kind: 'speech', settings: { silenceMs: 100 } });
    for (const frame of frames(keyed.subarray(0, 8 * 200))) analysis.heard(frame, 8000, true);
    const silent = new Int16Array(160);
    for (let ms = 0; ms < 200; ms += 20) analysis.heard(silent, 8000, false);
    const types = () => events.map((event) => event.type === 'analysis.found' && event.found.type);
    expect(types()).toEqual(['speech:start']);
    for (let ms = 0; ms < 140; ms += 20) analysis.heard(silent, 8000, false);
    expect(types()).toEqual(['speech:start', 'speech:end']);
  });

  it('tells how many detectors there are, and does nothing without any', () => {
    const { analysis, events, sizes } = open();
    analysis.heard(keyed, 8000, true);
    analysis.start('a', { kind: 'digits' });
    analysis.start('a', { kind: 'level' });
    analysis.start('b', { kind: 'level' });
    analysis.stop('a');
    analysis.stop('a');
    analysis.stop('b');
    analysis.heard(keyed, 8000, true);
    expect(sizes).toEqual([1, 2, 1, 0]);
    expect(events).toEqual([]);
  });

  it('survives any samples', () => {
    const { analysis } = open();
    analysis.start('digits', { kind: 'digits' });
    analysis.start('level', { kind: 'level' });
    analysis.start('speech', { kind: 'speech', settings: { silenceMs: 100 } });
    analysis.start('tones', { kind: 'tones', kinds: ['beep', 'busy'], plan: 'us' });
    const odd = [0, 32_767, -32_768].flatMap((sample) => [
      new Int16Array(160).fill(sample),
      Int16Array.from({ length: 160 }, (_, i) => (i % 2 === 0 ? sample : -1 - sample)),
      new Int16Array(160).fill(sample, 159),
      new Int16Array(1).fill(sample),
      new Int16Array(0),
      new Int16Array(4000).fill(sample),
    ]);
    for (let round = 0; round < 20; round++)
      for (const samples of odd) for (const rate of [8000, 16_000]) analysis.heard(samples, rate, round % 3 !== 0);
    expect(JSON.stringify(analysis.state)).not.toContain('null');
  });
});
