/** A voice in packets over a network that loses, delays and reorders, and what a playout makes of it. */
import { type AudioCodec, pcmu } from '../../../media/codec/index.ts';
import type { JitterBufferOptions } from '../../../media/jitter/delay-estimate.ts';
import { Playout } from '../../../media/jitter/playout.ts';
import { chance, fraction, seededRandom } from '../../../src/testing/index.ts';

export const codec: AudioCodec = pcmu();

export interface Packet {
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  /** ms */
  readonly at: number;
  readonly content?: 'audio' | 'noise' | 'event';
  readonly restart?: boolean;
}

/** Something like a voice: a pitch of 125 Hz that glides, with harmonics, no two periods alike. */
export function voice(samples: number, rate = 8000): Int16Array {
  let phase = 0;
  return Int16Array.from({ length: samples }, (_, i) => {
    const t = i / rate;
    phase += (2 * Math.PI * (125 + 15 * Math.sin(2 * Math.PI * 0.7 * t))) / rate;
    const level = 0.8 + 0.2 * Math.sin(2 * Math.PI * 2.3 * t);
    return Math.round(5000 * level * (Math.sin(phase) + 0.6 * Math.sin(2 * phase + 1) + 0.4 * Math.sin(5 * phase + 2)));
  });
}

export function encoded(samples: Int16Array): Uint8Array {
  const out = new Uint8Array(samples.length);
  codec.encode(samples, out);
  return out;
}

/** What a codec makes of it on the way, without a network. */
export function throughCodec(samples: Int16Array): Int16Array {
  const out = new Int16Array(samples.length);
  codec.decode(encoded(samples), out);
  return out;
}

export interface Network {
  readonly loss?: number;
  /** ms, uniform */
  readonly jitter?: number;
  readonly seed?: number;
  /** Parts per million by which the sender's clock is slow. */
  readonly drift?: number;
}

/** Packets of 20 ms, in the order in which they arrive; 30 ms on the way at least. */
export function packets(samples: Int16Array, { loss = 0, jitter = 0, seed = 1, drift = 0 }: Network = {}): Packet[] {
  const random = seededRandom(seed);
  const payload = encoded(samples);
  const all: Packet[] = [];
  for (let n = 0; n * 160 < payload.length; n++) {
    const lost = chance(random, loss);
    const at = 30 + n * 20 * (1 + drift / 1e6) + fraction(random) * jitter;
    if (!lost)
      all.push({
        sequence: (65_500 + n) & 0xffff,
        timestamp: (4_294_960_000 + n * 160) >>> 0,
        payload: payload.subarray(n * 160, n * 160 + 160),
        at,
      });
  }
  return all.toSorted((a, b) => a.at - b.at);
}

export interface Heard {
  readonly frames: readonly Int16Array[];
  readonly samples: Int16Array;
  readonly playout: Playout;
}

/** @param until ms; @param step ms between two beats, as the listener's clock has it */
export function hear(
  sent: readonly Packet[],
  until: number,
  options: JitterBufferOptions = { mode: 'adaptive', min: 40, max: 200 },
  decoder: AudioCodec = codec,
): Heard {
  const playout = new Playout(options);
  const frames: Int16Array[] = [];
  let next = 0;
  for (let now = 7; now < until; now += 20) {
    for (; next < sent.length && sent[next]!.at <= now; next++) {
      const { content = 'audio', sequence, timestamp, payload, at, restart = false } = sent[next]!;
      const used = content === 'audio' ? decoder : undefined;
      playout.packet(content, used, 8000, sequence, timestamp, payload, 0, payload.length, restart, at);
    }
    const frame = playout.frame(now);
    if (frame) frames.push(frame.slice());
  }
  return { frames, samples: Int16Array.from(frames.flatMap((frame) => [...frame])), playout };
}

/** Loudness, dB of full scale. */
export function level(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / samples.length / 32_768 ** 2);
}

/** The longest run of samples that are (next to) nothing. */
export function longestSilence(samples: Int16Array, most = 8): number {
  let longest = 0;
  let run = 0;
  for (const sample of samples) {
    run = Math.abs(sample) <= most ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}
