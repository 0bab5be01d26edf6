/** How a call sounds, of what `RTCPeerConnection.getStats()` tells. Pure: the reports are read by their documented names. */
import { mos } from '../../../../media/rtp/quality.ts';

export interface Quality {
  /** ms; undefined until it was measured. */
  readonly roundTrip: number | undefined;
  /** ms */
  readonly jitter: number | undefined;
  /** Per cent of what was to be received since the last look. */
  readonly loss: number | undefined;
  /** Per cent of what was sent, as the other side has it. */
  readonly lossThere: number | undefined;
  /** 1 … 4.5 */
  readonly mos: number | undefined;
  /** `opus/48000` */
  readonly codec: string | undefined;
  /** `host`, `srflx`, `relay`, `prflx`: how the own side is reached. */
  readonly path: string | undefined;
}

/** One look; the next is compared with it. */
export interface Sample {
  readonly received: number;
  readonly lost: number;
  readonly emitted: number;
  /** Seconds, summed over what was emitted. */
  readonly buffered: number;
  readonly quality: Quality;
}

type Report = Readonly<Record<string, unknown>>;

/** @param reports of `getStats()`; @param before the last look */
export function sampleOf(reports: Iterable<Report>, before?: Sample): Sample {
  const all = [...reports];
  const byId = new Map(all.map((report) => [report.id, report]));
  const inbound = all.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'audio');
  const there = all.find(({ type, kind }) => type === 'remote-inbound-rtp' && kind === 'audio');
  const transport = all.find(({ type }) => type === 'transport');
  const pair =
    byId.get(transport?.selectedCandidatePairId) ??
    all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated === true && state === 'succeeded');
  const received = numberOf(inbound?.packetsReceived) ?? 0;
  const lost = numberOf(inbound?.packetsLost) ?? 0;
  const emitted = numberOf(inbound?.jitterBufferEmittedCount) ?? 0;
  const buffered = numberOf(inbound?.jitterBufferDelay) ?? 0;
  const newly = { received: received - (before?.received ?? 0), lost: Math.max(0, lost - (before?.lost ?? 0)) };
  const expected = newly.received + newly.lost;
  const loss = inbound && expected > 0 ? (100 * newly.lost) / expected : undefined;
  const roundTrip = milliseconds(there?.roundTripTime) ?? milliseconds(pair?.currentRoundTripTime);
  const heard = emitted - (before?.emitted ?? 0);
  // Half the way, the buffer, and the 20 ms that a packet holds.
  const waiting = heard > 0 ? (1000 * (buffered - (before?.buffered ?? 0))) / heard : 0;
  const codec = codecOf(byId.get(inbound?.codecId));
  const delayMs = (roundTrip ?? 0) / 2 + Math.max(0, waiting) + 20;
  return {
    received,
    lost,
    emitted,
    buffered,
    quality: {
      roundTrip,
      jitter: milliseconds(inbound?.jitter),
      loss,
      lossThere: percent(there?.fractionLost),
      mos:
        loss === undefined
          ? undefined
          : mos({ encoding: (codec ?? 'opus').toUpperCase(), loss: loss / 100, burst: 1, delayMs }),
      codec,
      path: textOf(byId.get(pair?.localCandidateId)?.candidateType),
    },
  };
}

export type Verdict = 'good' | 'fair' | 'poor' | 'bad';

/** The MOS in words, by the bounds that ITU-T G.107 Annex B names. */
export function verdictOf(value: number): Verdict {
  if (value >= 4) return 'good';
  if (value >= 3.6) return 'fair';
  return value >= 3.1 ? 'poor' : 'bad';
}

/** One sentence for somebody who only wants to know whether it is the network. */
export function sentence({ mos: value, loss = 0, jitter = 0, roundTrip = 0 }: Quality): string {
  if (value === undefined) return 'No audio is coming.';
  const verdict = verdictOf(value);
  if (verdict === 'good') return 'The connection is good.';
  const cause =
    loss > 1
      ? `${loss.toFixed(0)} % of the sound is lost on the way`
      : roundTrip > 300
        ? `the sound is late by ${Math.round(roundTrip / 2)} ms`
        : jitter > 30
          ? 'the sound comes unevenly'
          : 'the sound is delayed';
  return `The connection is ${verdict}: ${cause}.`;
}

function codecOf(report: Report | undefined): string | undefined {
  const name = textOf(report?.mimeType)?.replace(/^audio\//, '');
  return name === undefined ? undefined : `${name}/${String(report?.clockRate)}`;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function milliseconds(seconds: unknown): number | undefined {
  const value = numberOf(seconds);
  return value === undefined ? undefined : value * 1000;
}

function percent(share: unknown): number | undefined {
  const value = numberOf(share);
  return value === undefined ? undefined : value * 100;
}
