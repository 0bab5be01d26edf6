import { describe, expect, it } from 'vitest';
import { type Quality, sampleOf, sentence, verdictOf } from '../../../src/console/web/phone/quality.ts';

function reports(inbound: object, more: readonly Record<string, unknown>[] = []): Record<string, unknown>[] {
  return [
    { id: 'I', type: 'inbound-rtp', kind: 'audio', codecId: 'C', ...inbound },
    { id: 'C', type: 'codec', mimeType: 'audio/opus', clockRate: 48_000 },
    { id: 'T', type: 'transport', selectedCandidatePairId: 'P' },
    { id: 'P', type: 'candidate-pair', localCandidateId: 'L', currentRoundTripTime: 0.04, state: 'succeeded' },
    { id: 'L', type: 'local-candidate', candidateType: 'host' },
    ...more,
  ];
}

describe('the quality of a call', () => {
  it('is read from the reports of the browser', () => {
    const { quality } = sampleOf(reports({ packetsReceived: 100, packetsLost: 0, jitter: 0.003 }));
    expect(quality).toMatchObject({ roundTrip: 40, jitter: 3, loss: 0, codec: 'opus/48000', path: 'host' });
    expect(quality.mos).toBeGreaterThan(4.3);
  });

  it('counts what was lost since the last look only', () => {
    const before = sampleOf(reports({ packetsReceived: 1000, packetsLost: 500 }));
    expect(before.quality.loss).toBeCloseTo(33.3, 1);
    const { quality } = sampleOf(reports({ packetsReceived: 1050, packetsLost: 500 }), before);
    expect(quality.loss).toBe(0);
  });

  it('takes what RTCP says of the way before what STUN says', () => {
    const remote = { id: 'R', type: 'remote-inbound-rtp', kind: 'audio', roundTripTime: 0.2, fractionLost: 0.05 };
    const { quality } = sampleOf(reports({ packetsReceived: 1 }, [remote]));
    expect(quality).toMatchObject({ roundTrip: 200, lossThere: 5 });
  });

  it('says nothing of a call in which nothing came', () => {
    expect(sampleOf([]).quality).toEqual({
      roundTrip: undefined,
      jitter: undefined,
      loss: undefined,
      lossThere: undefined,
      mos: undefined,
      codec: undefined,
      path: undefined,
    });
  });

  it('survives reports that are not as they should be', () => {
    expect(() =>
      sampleOf([{}, { type: 'inbound-rtp', kind: 'audio', packetsReceived: 'x', jitter: NaN }]),
    ).not.toThrow();
  });

  it.each([
    [4.3, 'good'],
    [3.7, 'fair'],
    [3.2, 'poor'],
    [2, 'bad'],
  ] as const)('%f is %s', (mos, verdict) => expect(verdictOf(mos)).toBe(verdict));

  const quality = (part: Partial<Quality>): Quality => ({ ...sampleOf([]).quality, ...part });

  it.each([
    [{ mos: 4.3 }, 'The connection is good.'],
    [{ mos: 2.5, loss: 12 }, 'The connection is bad: 12 % of the sound is lost on the way.'],
    [{ mos: 3.7, roundTrip: 500 }, 'The connection is fair: the sound is late by 250 ms.'],
    [{ mos: 3.7, jitter: 50 }, 'The connection is fair: the sound comes unevenly.'],
    [{}, 'No audio is coming.'],
  ])('%j: %s', (part, words) => expect(sentence(quality(part))).toBe(words));
});
