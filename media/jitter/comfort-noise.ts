/**
 * Comfort noise (RFC 3389): noise of the level and the spectrum that the sender told of, in place of what it does not send.
 *
 *     | level, −dBov | reflection coefficients, one byte each |
 */
import { clamp16 } from '../audio/index.ts';

/** More say nothing that could be heard. */
const mostCoefficients = 12;

export class ComfortNoise {
  #gain = 0;
  readonly #payload = new Uint8Array(1 + mostCoefficients);
  #length = 0;
  readonly #reflections: number[] = [];
  readonly #state = new Float32Array(mostCoefficients + 1);
  /** The same noise each time: nobody has to guess it. */
  #seed = 1;

  /** False while no noise was described: then it is silent. */
  get audible(): boolean {
    return this.#gain > 0;
  }

  /** As it was described last; empty when it was not. */
  get description(): Uint8Array {
    return this.#payload.subarray(0, this.#length);
  }

  /** @param payload one byte at least, or it says nothing */
  describe(payload: Uint8Array): void {
    const level = payload[0];
    if (level === undefined) return;
    this.#length = Math.min(payload.length, this.#payload.length);
    this.#payload.set(payload.subarray(0, this.#length));
    const reflections = this.#reflections;
    reflections.length = 0;
    // RFC 3389 §3.1: 127 is 0, the others are up to ±1 without reaching it.
    for (let i = 1; i < payload.length && i <= mostCoefficients; i++)
      reflections.push((258 * (Math.min(254, payload[i]!) - 127)) / 32_768);
    let power = 1;
    for (const k of reflections) power *= 1 - k * k;
    // Uniform noise of ±1 has a power of 1/3; the filter adds what the gain takes off.
    this.#gain = 32_768 * 10 ** (-(level & 0x7f) / 20) * Math.sqrt(3 * power);
  }

  /** No noise was described for what follows. */
  silence(): void {
    this.#gain = 0;
    this.#length = 0;
    this.#state.fill(0);
  }

  fill(out: Int16Array): void {
    if (!this.audible) {
      out.fill(0);
      return;
    }
    const state = this.#state;
    const order = this.#reflections.length;
    for (let i = 0; i < out.length; i++) {
      this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) | 0;
      let forward = (this.#seed / 2_147_483_648) * this.#gain;
      // The all-pole lattice: f(m − 1) = f(m) − k(m) · b(m − 1), b(m) = b(m − 1) + k(m) · f(m − 1).
      for (let m = order; m > 0; m--) {
        const k = this.#reflections[m - 1]!;
        forward -= k * state[m - 1]!;
        state[m] = state[m - 1]! + k * forward;
      }
      state[0] = forward;
      out[i] = clamp16(forward);
    }
  }
}
