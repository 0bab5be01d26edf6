/**
 * What one stream sounds like to a listener: packets laid out on the time they are played at, as a phone with a
 * jitter buffer plays them, in 16-bit mono at 8 kHz. What never came is silence, and known to be missing.
 */

/** Samples per second of everything that is compared. */
export const hearingRate = 8000;
export const samplesPerMs = hearingRate / 1000;
/** Quieter than this (RMS of 16-bit samples) is silence: −60 dB of full scale. */
export const silenceRms = 33;
/** A packet that is later or earlier than this against the one before moves the play-out: ms. */
const bufferMs = 200;

export class HeardAudio {
  /** Clock ms of sample 0. */
  readonly origin: number;
  #samples = new Int16Array(hearingRate);
  /** 1 for each ms of which something came. */
  #present = new Uint8Array(1000);
  #end = 0;
  #loudUntil = 0;
  /** Sample position of timestamp `#anchor`. */
  #anchorAt = 0;
  #anchor: number | undefined;
  #ssrc = 0;

  constructor(origin: number) {
    this.origin = origin;
  }

  /** Samples until the end of what has been heard. */
  get end(): number {
    return this.#end;
  }

  /** Samples until the end of the last sound. */
  get loudUntil(): number {
    return this.#loudUntil;
  }

  /** From where on nothing more can come: a listener at `now` waits for packets that are late. */
  settledAt(now: number): number {
    return Math.max(this.#end, this.positionOf(now - bufferMs));
  }

  positionOf(ms: number): number {
    return Math.max(0, Math.round((ms - this.origin) * samplesPerMs));
  }

  msOf(position: number): number {
    return this.origin + position / samplesPerMs;
  }

  /**
   * One packet.
   * @param timestamp RTP's, at `clockRate`; @param samples decoded, at `hearingRate`
   */
  write(now: number, ssrc: number, timestamp: number, clockRate: number, samples: Int16Array): void {
    const arrived = this.positionOf(now);
    let at = this.#anchorAt + this.#since(timestamp, clockRate);
    const off = Math.abs(arrived - at) > bufferMs * samplesPerMs;
    if (this.#anchor === undefined || ssrc !== this.#ssrc || off) {
      at = arrived;
      this.#anchor = timestamp;
      this.#anchorAt = at;
      this.#ssrc = ssrc;
    }
    if (at < 0) return;
    this.#put(at, samples);
  }

  #since(timestamp: number, clockRate: number): number {
    return Math.round((((timestamp - (this.#anchor ?? 0)) | 0) * hearingRate) / clockRate);
  }

  #put(at: number, samples: Int16Array): void {
    const end = at + samples.length;
    if (end > this.#samples.length) this.#grow(end);
    this.#samples.set(samples, at);
    this.#present.fill(1, Math.floor(at / samplesPerMs), Math.ceil(end / samplesPerMs));
    if (end > this.#end) this.#end = end;
    if (end > this.#loudUntil && rms(samples) >= silenceRms) this.#loudUntil = end;
  }

  #grow(length: number): void {
    const seconds = Math.ceil((2 * length) / hearingRate);
    const samples = new Int16Array(seconds * hearingRate);
    samples.set(this.#samples);
    this.#samples = samples;
    const present = new Uint8Array(seconds * 1000);
    present.set(this.#present);
    this.#present = present;
  }

  /** A view; beyond the end there is silence. */
  samples(from: number, to: number): Int16Array {
    if (to > this.#samples.length) this.#grow(to);
    return this.#samples.subarray(Math.max(0, from), Math.max(0, to));
  }

  /** Share of a stretch of which packets came. */
  presence(from: number, to: number): number {
    const [first, last] = [Math.floor(from / samplesPerMs), Math.ceil(to / samplesPerMs)];
    let count = 0;
    for (let ms = Math.max(0, first); ms < last; ms++) count += this.#present[ms] ?? 0;
    return last > first ? count / (last - first) : 0;
  }
}

export function rms(samples: Int16Array): number {
  let energy = 0;
  for (let i = 0; i < samples.length; i++) energy += (samples[i] as number) ** 2;
  return samples.length === 0 ? 0 : Math.sqrt(energy / samples.length);
}
