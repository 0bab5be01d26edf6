/**
 * One sub-band of G.722 (ITU-T G.722 (09/2012) §3 and §6): the scale factor and the predictor, which encoder and
 * decoder keep in step. Names are the blocks and variables of the recommendation; all is 16-bit integer arithmetic.
 */

/** Table 15, ILB: 2048 · 2^(i/32), the logarithmic scale factor made linear. */
const ilb = [
  2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
  3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
] as const;

export function saturate(value: number): number {
  return value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;
}

export class SubBand {
  /** The quantizer's step. */
  det: number;
  /** What the predictor expects next. */
  s = 0;
  readonly #shift: number;
  readonly #nbMost: number;
  #nb = 0;
  #sz = 0;
  readonly #r = new Int32Array(3);
  readonly #p = new Int32Array(3);
  readonly #a = new Int32Array(3);
  readonly #d = new Int32Array(7);
  readonly #b = new Int32Array(7);

  constructor(band: 'lower' | 'higher') {
    const lower = band === 'lower';
    this.det = lower ? 32 : 8;
    this.#shift = lower ? 8 : 10;
    this.#nbMost = lower ? 18_432 : 22_528;
  }

  /** Goes on by one sample. @param difference as it was quantized; @param w what its code adds to the scale factor */
  step(difference: number, w: number): void {
    this.#scale(w);
    this.#adapt(difference);
  }

  /** LOGSCL and SCALEL, LOGSCH and SCALEH. */
  #scale(w: number): void {
    const nb = Math.min(this.#nbMost, Math.max(0, ((this.#nb * 127) >> 7) + w));
    this.#nb = nb;
    const shift = this.#shift - (nb >> 11);
    const factor = ilb[(nb >> 6) & 31]!;
    this.det = (shift < 0 ? factor << -shift : factor >> shift) << 2;
  }

  /** Block 4: RECONS to PREDIC. */
  #adapt(difference: number): void {
    const [r, p, a, d, b] = [this.#r, this.#p, this.#a, this.#d, this.#b];
    d[0] = difference;
    r[0] = saturate(this.s + difference);
    p[0] = saturate(this.#sz + difference);
    const sign0 = p[0]! >> 15;
    const sign1 = p[1]! >> 15;
    const sign2 = p[2]! >> 15;
    // UPPOL2
    const wd1 = saturate(a[1]! << 2);
    const wd2 = sign0 === sign1 ? Math.min(32_767, -wd1) : wd1;
    const wd3 = (sign0 === sign2 ? 128 : -128) + (wd2 >> 7) + ((a[2]! * 32_512) >> 15);
    const a2 = Math.min(12_288, Math.max(-12_288, wd3));
    // UPPOL1
    const most = saturate(15_360 - a2);
    const a1 = saturate((sign0 === sign1 ? 192 : -192) + ((a[1]! * 32_640) >> 15));
    a[1] = Math.min(most, Math.max(-most, a1));
    a[2] = a2;
    // UPZERO and DELAYA
    const step = difference === 0 ? 0 : 128;
    const sign = difference >> 15;
    for (let i = 6; i > 0; i--) {
      b[i] = saturate((d[i]! >> 15 === sign ? step : -step) + ((b[i]! * 32_640) >> 15));
    }
    d.copyWithin(1, 0, 6);
    r[2] = r[1]!;
    r[1] = r[0]!;
    p[2] = p[1]!;
    p[1] = p[0]!;
    // FILTEP, FILTEZ and PREDIC
    const pole = ((a[1]! * saturate(r[1]! * 2)) >> 15) + ((a[2]! * saturate(r[2]! * 2)) >> 15);
    let zero = 0;
    for (let i = 6; i > 0; i--) zero += (b[i]! * saturate(d[i]! * 2)) >> 15;
    this.#sz = saturate(zero);
    this.s = saturate(saturate(pole) + this.#sz);
  }
}
