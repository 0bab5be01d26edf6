/**
 * G.722 at 64 kbit/s (ITU-T G.722 (09/2012)): two sub-bands of 8 kHz, each ADPCM, out of 16 kHz audio. In RTP its
 * clock is 8000, one tick and one byte per two samples (RFC 3551 §4.5.2).
 */
import type { AudioCodec } from './codec.ts';
import { SubBand, saturate } from './g722-band.ts';

/** Table 11: coefficients of the quadrature mirror filter, one half; the other is their mirror image. */
const qmf = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11] as const;

/** Table 14: decision levels of the 60 level quantizer. */
const q6 = [
  0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
  1458, 1612, 1765, 1980, 2195, 2557, 2919,
] as const;
/** Table 16: output of the inverse quantizers of the lower band with 6 and 4 bits, and of the higher. */
// biome-ignore format: as the recommendation has it
const qm6 = [
    -136,   -136,   -136,   -136, -24808, -21904, -19008, -16704,
  -14984, -13512, -12280, -11192, -10232,  -9360,  -8576,  -7856,
   -7192,  -6576,  -6000,  -5456,  -4944,  -4464,  -4008,  -3576,
   -3168,  -2776,  -2400,  -2032,  -1688,  -1360,  -1040,   -728,
   24808,  21904,  19008,  16704,  14984,  13512,  12280,  11192,
   10232,   9360,   8576,   7856,   7192,   6576,   6000,   5456,
    4944,   4464,   4008,   3576,   3168,   2776,   2400,   2032,
    1688,   1360,   1040,    728,    432,    136,   -432,   -136,
] as const;
// biome-ignore format: as the recommendation has it
const qm4 = [
      0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
  20456,  12896,   8968,  6288,  4240,  2584,  1200,     0,
] as const;
const qm2 = [-7408, -1616, 7408, 1616] as const;
/** What a code adds to the logarithm of the scale factor (RL42 and WL, RH2 and WH). */
const wl = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60] as const;
const wh = [798, -214, 798, -214] as const;

/** Payload of silence: what the encoder first makes of it. */
const silence = 0xfa;

export function g722(): AudioCodec {
  let encoder: Encoder | undefined;
  let decoder: Decoder | undefined;
  return {
    key: 'G722/8000',
    name: 'G722',
    clockRate: 8000,
    sampleRate: 16_000,
    channels: 1,
    bytesPerTick: 1,
    blockBytes: 1,
    ticks: (_buffer, _offset, length) => length,
    silence: (out) => void out.fill(silence),
    decode(payload, out) {
      decoder ??= new Decoder();
      const count = Math.min(payload.length, out.length >> 1);
      for (let i = 0; i < count; i++) decoder.byte(payload[i]!, out, 2 * i);
      return 2 * count;
    },
    encode(pcm, out) {
      encoder ??= new Encoder();
      const count = Math.min(pcm.length >> 1, out.length);
      for (let i = 0; i < count; i++) out[i] = encoder.pair(pcm[2 * i]!, pcm[2 * i + 1]!);
      return count;
    },
  };
}

class Encoder {
  readonly #lower = new SubBand('lower');
  readonly #higher = new SubBand('higher');
  readonly #line = new DelayLine();

  pair(first: number, second: number): number {
    this.#line.push(first, second);
    const even = this.#line.even();
    const odd = this.#line.odd();
    return (this.#high((odd - even) >> 14) << 6) | this.#low((odd + even) >> 14);
  }

  /** SUBTRA and QUANTL. */
  #low(x: number): number {
    const band = this.#lower;
    const e = saturate(x - band.s);
    const magnitude = e >= 0 ? e : -(e + 1);
    let level = 1;
    while (level < q6.length && magnitude >= (q6[level]! * band.det) >> 12) level++;
    // IL of table 17: the outermost two levels of the negative side have codes of their own.
    const code = e >= 0 ? 62 - level : level < 3 ? 64 - level : 34 - level;
    band.step((band.det * qm4[code >> 2]!) >> 15, wl[code >> 2]!);
    return code;
  }

  /** SUBTRA and QUANTH. */
  #high(x: number): number {
    const band = this.#higher;
    const e = saturate(x - band.s);
    const outer = (e >= 0 ? e : -(e + 1)) >= (564 * band.det) >> 12;
    const code = e < 0 ? (outer ? 0 : 1) : outer ? 2 : 3;
    band.step((band.det * qm2[code]!) >> 15, wh[code]!);
    return code;
  }
}

class Decoder {
  readonly #lower = new SubBand('lower');
  readonly #higher = new SubBand('higher');
  readonly #line = new DelayLine();

  byte(code: number, out: Int16Array, at: number): void {
    const low = this.#lower;
    const high = this.#higher;
    const il = code & 63;
    const ih = code >> 6;
    const rl = limit(low.s + ((low.det * qm6[il]!) >> 15));
    low.step((low.det * qm4[il >> 2]!) >> 15, wl[il >> 2]!);
    const dh = (high.det * qm2[ih]!) >> 15;
    const rh = limit(high.s + dh);
    high.step(dh, wh[ih]!);
    this.#line.push(rl + rh, rl - rh);
    out[at] = saturate(this.#line.odd() >> 11);
    out[at + 1] = saturate(this.#line.even() >> 11);
  }
}

/** The last 24 values of the quadrature mirror filter, two more at a time. */
class DelayLine {
  readonly #x = new Int32Array(2 * qmf.length);

  push(first: number, second: number): void {
    const x = this.#x;
    x.copyWithin(0, 2);
    x[x.length - 2] = first;
    x[x.length - 1] = second;
  }

  even(): number {
    let sum = 0;
    for (let i = 0; i < qmf.length; i++) sum += this.#x[2 * i]! * qmf[i]!;
    return sum;
  }

  odd(): number {
    let sum = 0;
    for (let i = 0; i < qmf.length; i++) sum += this.#x[2 * i + 1]! * qmf[qmf.length - 1 - i]!;
    return sum;
  }
}

/** LIMIT: 15 bits. */
function limit(value: number): number {
  return value > 16_383 ? 16_383 : value < -16_384 ? -16_384 : value;
}
