/**
 * What one stream sounds like to a listener: packets laid out on the time they are played at, as a phone with a
 * jitter buffer plays them, in 16-bit mono at 8 kHz. What never came is silence, and known to be missing.
 */

/** Samples per second of everything that is compared. */
export const hearingRate = 8000;
export const samplesPerMs = hearingRate / 1000;
/** Quieter than this (RMS of 16-bit samples) is silence: −60 dB of full scale. */
export const silenceRms = 33;
/** How long a listener waits for a packet, ms: what is later is not heard. */
export const bufferMs = 200;

/** What RTP's header says of a packet. */
export interface HeardPacket {
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

export class HeardAudio {
  /** Clock ms of sample 0. */
  readonly origin: number;
  #samples = new Int16Array(hearingRate);
  /** 1 for each ms of which something came. */
  #present = new Uint8Array(1000);
  #end = 0;
  #loudUntil = 0;
  /** The packet that the play-out goes by, and the sample position it is played at. */
  #anchor: HeardPacket | undefined;
  #anchorAt = 0;
  #newest = 0;
  /** Since when no packet has been where it should be, clock ms. */
  #lostSince: number | undefined;

  /** @param origin clock ms of the first sample */
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

  /**
   * Up to where nothing can change any more: there is no gap that a packet could still fill.
   * @param now clock ms @returns a sample position
   */
  settledAt(now: number): number {
    const given = this.positionOf(now - bufferMs);
    let ms = Math.floor(given / samplesPerMs);
    while (this.#present[ms] === 1) ms++;
    return Math.max(given, Math.min(ms * samplesPerMs, this.#end));
  }

  /** @param ms clock ms @returns the sample position that is played then, at least 0 */
  positionOf(ms: number): number {
    return Math.max(0, Math.round((ms - this.origin) * samplesPerMs));
  }

  /** @returns the clock ms at which the sample at this position is played */
  msOf(position: number): number {
    return this.origin + position / samplesPerMs;
  }

  /**
   * Takes one packet. It is played where its timestamp says, counted from the first. When it is the newest and
   * that is more than 200 ms from now, the source has jumped, or paused, and it is played now; when there are newer
   * ones, it is too late.
   * @param now clock ms of its arrival
   * @param packet of its RTP header
   * @param clockRate of its timestamp, Hz
   * @param samples 16-bit mono at 8 kHz
   */
  write(now: number, packet: HeardPacket, clockRate: number, samples: Int16Array): void {
    if (samples.length === 0) return;
    // To the ms, so that each ms came or did not.
    const arrived = Math.max(0, Math.round(now - this.origin)) * samplesPerMs;
    const at = this.#placeOf(packet, clockRate);
    const newer = at === undefined || ((packet.sequence - this.#newest) << 16) >> 16 > 0;
    const fits = at !== undefined && Math.abs(arrived - at) <= bufferMs * samplesPerMs;
    if (newer) this.#newest = packet.sequence;
    if (fits) this.#lostSince = undefined;
    else {
      this.#lostSince ??= now;
      // What begins its sequence anew, too, seems to be late for ever.
      if (!newer && now - this.#lostSince < bufferMs) return;
      this.#anchor = { ssrc: packet.ssrc, sequence: packet.sequence, timestamp: packet.timestamp };
      this.#anchorAt = arrived;
      this.#newest = packet.sequence;
      this.#lostSince = undefined;
    }
    this.#put(fits ? at : arrived, samples);
  }

  /** Undefined for a source that nothing is known of. */
  #placeOf({ ssrc, timestamp }: HeardPacket, clockRate: number): number | undefined {
    if (this.#anchor?.ssrc !== ssrc) return undefined;
    return this.#anchorAt + Math.round((((timestamp - this.#anchor.timestamp) | 0) * hearingRate) / clockRate);
  }

  #put(at: number, samples: Int16Array): void {
    const heard = at < 0 ? samples.subarray(-at) : samples;
    const from = Math.max(0, at);
    const end = from + heard.length;
    if (end > this.#samples.length) this.#grow(end);
    this.#samples.set(heard, from);
    this.#present.fill(1, Math.floor(from / samplesPerMs), Math.ceil(end / samplesPerMs));
    if (end > this.#end) this.#end = end;
    if (end > this.#loudUntil && rms(heard) >= silenceRms) this.#loudUntil = end;
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

  /**
   * What was heard from one sample position to another, 16-bit mono at 8 kHz: a view, good until the next packet.
   * Before the beginning and behind the end there is silence.
   */
  samples(from: number, to: number): Int16Array {
    if (from < 0) {
      const padded = new Int16Array(Math.max(0, to - from));
      if (to > 0) padded.set(this.samples(0, to), -from);
      return padded;
    }
    if (to > this.#samples.length) this.#grow(to);
    return this.#samples.subarray(from, to);
  }

  /** Whether a packet came for the sample at this position; to the ms. */
  has(position: number): boolean {
    return this.#present[Math.floor(position / samplesPerMs)] === 1;
  }

  /** Share of a stretch, from one sample position to another, of which packets came. */
  presence(from: number, to: number): number {
    const [first, last] = [Math.floor(from / samplesPerMs), Math.ceil(to / samplesPerMs)];
    let count = 0;
    for (let ms = Math.max(0, first); ms < Math.min(last, this.#present.length); ms++)
      count += this.#present[ms] as number;
    return last > first ? count / (last - first) : 0;
  }
}

/** Root of the mean square of samples; 0 for none. */
export function rms(samples: Int16Array): number {
  let energy = 0;
  for (let i = 0; i < samples.length; i++) energy += (samples[i] as number) ** 2;
  return samples.length === 0 ? 0 : Math.sqrt(energy / samples.length);
}
