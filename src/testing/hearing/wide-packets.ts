/**
 * Packets of a rate above that of hearing, brought down to it as if their stream were converted in one piece,
 * whatever their order: each is converted between its neighbours, and again when one of them comes later.
 */
import { Resampler } from '../../../media/audio/index.ts';
import { bufferMs, type HeardPacket, hearingRate } from './heard-audio.ts';

interface WidePacket extends HeardPacket {
  /** Clock ms. */
  readonly arrived: number;
  /** At the stream's rate. */
  readonly samples: Int16Array;
}

/** A packet that is better known than before, its samples at the rate of hearing. */
export interface NarrowPacket extends HeardPacket {
  readonly samples: Int16Array;
}

export class WidePackets {
  readonly rate: number;
  readonly #resampler: Resampler;
  /** So many samples of each neighbour matter: the filter's reach, in whole steps of it. */
  readonly #reach: number;
  #recent: WidePacket[] = [];

  /** @param rate Hz, of the samples and of RTP's clock */
  constructor(rate: number) {
    this.rate = rate;
    this.#resampler = new Resampler(rate, hearingRate);
    let step = 1;
    while ((step * hearingRate) % rate !== 0) step++;
    this.#reach = Math.ceil(this.#resampler.delay / step) * step;
  }

  /**
   * @param now clock ms; @param samples 16-bit mono at the stream's rate, copied
   * @returns the packet and the neighbours that came before it
   */
  add(now: number, { ssrc, sequence, timestamp }: HeardPacket, samples: Int16Array): readonly NarrowPacket[] {
    const packet = { ssrc, sequence, timestamp, arrived: now, samples: samples.slice() };
    this.#recent = this.#recent.filter((one) => now - one.arrived <= bufferMs && !isSame(one, packet));
    this.#recent.push(packet);
    const [before, after] = [this.#before(packet), this.#after(packet)];
    return [before, packet, after].filter((one) => one !== undefined).map((one) => this.#narrow(one));
  }

  #before({ ssrc, timestamp }: WidePacket): WidePacket | undefined {
    return this.#recent.find((one) => one.ssrc === ssrc && (one.timestamp + one.samples.length) >>> 0 === timestamp);
  }

  #after({ ssrc, timestamp, samples }: WidePacket): WidePacket | undefined {
    const end = (timestamp + samples.length) >>> 0;
    return this.#recent.find((one) => one.ssrc === ssrc && one.timestamp === end);
  }

  #narrow(packet: WidePacket): NarrowPacket {
    const { ssrc, sequence, timestamp, samples } = packet;
    const reach = this.#reach;
    const input = new Int16Array(samples.length + 2 * reach);
    const before = this.#before(packet)?.samples.subarray(-reach);
    if (before) input.set(before, reach - before.length);
    input.set(samples, reach);
    const after = this.#after(packet)?.samples.subarray(0, reach);
    if (after) input.set(after, reach + samples.length);
    this.#resampler.reset();
    this.#resampler.skip(this.#resampler.delay);
    const out = new Int16Array(this.#resampler.outputLength(input.length));
    this.#resampler.process(input, out);
    const scale = hearingRate / this.rate;
    const from = reach * scale;
    return { ssrc, sequence, timestamp, samples: out.subarray(from, from + Math.round(samples.length * scale)) };
  }
}

function isSame(one: HeardPacket, other: HeardPacket): boolean {
  return one.ssrc === other.ssrc && one.timestamp === other.timestamp;
}
