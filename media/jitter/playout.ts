/**
 * What a leg hears, frame by frame at the beat: the jitter buffer, the decoders, and what stands in for audio that is not
 * there. One for all who listen; the frames of 20 ms follow one another without a gap from the first packet on.
 */
import type { AudioCodec } from '../codec/index.ts';
import { beatMs } from '../pacer.ts';
import type { RtpTimestamp, SeqNo } from '../rtp/sequence.ts';
import { ComfortNoise } from './comfort-noise.ts';
import { audibleMs, Concealer } from './concealer.ts';
import type { JitterBufferOptions } from './delay-estimate.ts';
import { JitterBuffer, type PacketContent } from './jitter-buffer.ts';
import { cutPeriod, longestPitchMs, repeatPeriod } from './pitch.ts';

/** ms of one packet that are decoded; nobody sends longer ones. */
const longestMs = 250;
/** Frames between two periods that are cut out or said twice. */
const cutEvery = 5;

export interface PlayoutStats {
  /** ms that audio is kept now, and that the stream needs. */
  readonly delayMs: number;
  readonly targetMs: number;
  /** Packets that came too late to be played. */
  readonly late: number;
  /** Packets that were given up for another reason. */
  readonly dropped: number;
  /** ms of audio that were made up in place of packets. */
  readonly concealedMs: number;
}

export class Playout {
  readonly #buffer: JitterBuffer;
  readonly #noise = new ComfortNoise();
  #concealer = new Concealer(8000);
  /** Samples per second, and per tick of the RTP clock. */
  #rate = 8000;
  #perTick = 1;
  /** Decoded and not yet played. */
  #pending = new Int16Array(0);
  #count = 0;
  #frame = new Int16Array(0);
  #codec: AudioCodec | undefined;
  /** Samples that the codec has made up since the last packet. */
  #madeUp = 0;
  #begun = false;
  /** Samples up to the last that is not a pause. */
  #sound = 0;
  #paused = true;
  #sinceCut = 0;
  #concealedMs = 0;
  /** Samples of packets that were lost. */
  #lost = 0;
  #now = 0;

  constructor(options: JitterBufferOptions) {
    this.#buffer = new JitterBuffer(options);
    this.#useRate(8000, 1);
  }

  /** @param on what comes from now on has waited for us: that is no jitter of the network's */
  set stalled(on: boolean) {
    this.#buffer.stalled = on;
  }

  /** Samples per second of the frames. */
  get rate(): number {
    return this.#rate;
  }

  /** Goes up with every frame of which some was not heard, whatever is played in its place. */
  get unheard(): number {
    return this.#concealedMs + this.#lost;
  }

  /** The noise that the sender told of, and says nothing (RFC 3389); empty when it did not. */
  get noise(): Uint8Array {
    return this.#noise.description;
  }

  /** The last frame stood for a pause: the sender said nothing in it, or is not heard any more. */
  get paused(): boolean {
    return this.#paused;
  }

  get stats(): PlayoutStats {
    const { late, dropped, target } = this.#buffer;
    // Of the frame that was played last.
    const delayMs = Math.max(0, this.#buffer.delay(this.#now, this.#count / this.#perTick) + beatMs);
    return { delayMs, targetMs: target, late, dropped, concealedMs: this.#concealedMs };
  }

  /**
   * A packet that came; it is copied.
   * @param codec of `audio` @param clockRate of the RTP clock @param restart it is of another source than those before
   */
  packet(
    content: PacketContent,
    codec: AudioCodec | undefined,
    clockRate: number,
    sequence: SeqNo,
    timestamp: RtpTimestamp,
    buffer: Uint8Array,
    offset: number,
    length: number,
    restart: boolean,
    now: number,
  ): void {
    if (restart) this.#buffer.restart();
    this.#buffer.put(content, codec, sequence, timestamp, clockRate, buffer, offset, length, now);
  }

  /** The next 20 ms, valid until the next call; undefined before the first packet is due. */
  frame(now: number): Int16Array | undefined {
    this.#now = now;
    this.#catchUp(now);
    while (this.#count < this.#frame.length) {
      const wanted = this.#frame.length - this.#count;
      switch (this.#buffer.take(now, this.#count / this.#perTick)) {
        case 'packet':
          this.#decode();
          break;
        case 'lost': {
          const replaced = this.#replace(wanted);
          this.#lost += replaced;
          this.#advance(replaced);
          break;
        }
        case 'wait':
          if (this.#buffer.quiet) this.#fill(wanted);
          else this.#conceal(wanted);
          break;
        case 'pause':
          this.#advance(this.#fill(Math.min(wanted, this.#room)));
          break;
        case 'idle':
          if (!this.#begun) return undefined;
          this.#conceal(wanted);
          break;
      }
    }
    return this.#shift();
  }

  /** What came and is not played yet, without waiting for its time: for those who stop listening. */
  rest(): Int16Array | undefined {
    while (this.#count < this.#frame.length) {
      const wanted = this.#frame.length - this.#count;
      // At a time by which all of it is due.
      const next = this.#buffer.size > 0 ? this.#buffer.take(Number.MAX_SAFE_INTEGER) : 'idle';
      if (next === 'packet') this.#decode();
      else if (this.#buffer.size > 0)
        this.#advance(next === 'lost' ? this.#replace(wanted) : this.#fill(Math.min(wanted, this.#room)));
      else if (this.#count === 0) return undefined;
      else this.#append(wanted).fill(0);
    }
    return this.#shift();
  }

  /** Nobody listens any more, or nothing is to be heard: all begins anew. */
  reset(): void {
    this.#buffer.restart();
    this.#count = 0;
    this.#sound = 0;
    this.#begun = false;
    this.#concealer.pause();
    this.#noise.silence();
  }

  get #room(): number {
    return Math.ceil(this.#buffer.room * this.#perTick);
  }

  #advance(samples: number): void {
    this.#buffer.advance(samples / this.#perTick);
  }

  #useRate(rate: number, perTick: number): void {
    this.#rate = rate;
    this.#perTick = perTick;
    this.#count = 0;
    this.#pending = new Int16Array(Math.ceil((rate * (longestMs + 2 * beatMs + 2 * longestPitchMs)) / 1000));
    this.#frame = new Int16Array(Math.round((rate * beatMs) / 1000));
    this.#concealer = new Concealer(rate);
  }

  /** Room for so many samples behind what is pending. */
  #append(count: number): Int16Array {
    const from = this.#count;
    this.#count += count;
    return this.#pending.subarray(from, this.#count);
  }

  #shift(): Int16Array {
    const frame = this.#frame;
    this.#begun = true;
    frame.set(this.#pending.subarray(0, frame.length));
    this.#pending.copyWithin(0, frame.length, this.#count);
    this.#count -= frame.length;
    this.#paused = this.#sound <= 0;
    this.#sound = Math.max(0, this.#sound - frame.length);
    return frame;
  }

  /** Plays what was taken out of the buffer. */
  #decode(): void {
    const { content, codec, bytes, length } = this.#buffer.taken;
    const payload = bytes.subarray(0, length);
    if (content === 'noise') {
      this.#noise.describe(payload);
      return;
    }
    if (!codec) return;
    const perTick = codec.sampleRate / codec.clockRate;
    if (codec.sampleRate !== this.#rate || perTick !== this.#perTick) this.#useRate(codec.sampleRate, perTick);
    this.#codec = codec;
    this.#noise.silence();
    this.#madeUp = 0;
    const most = Math.round((this.#rate * longestMs) / 1000);
    const out = this.#pending.subarray(this.#count, this.#count + most);
    const samples = codec.decode(payload, out);
    const played = Math.round(this.#buffer.played(samples / this.#perTick) * this.#perTick);
    if (played > 0) out.copyWithin(0, played, samples);
    const fresh = this.#append(samples - played);
    this.#sound = this.#count;
    this.#concealer.good(fresh);
  }

  /** Makes up what was lost: by the codec if it can, a packet at a time. @returns the number of samples */
  #replace(wanted: number): number {
    const room = this.#room;
    const whole = Math.round(this.#buffer.packetTicks * this.#perTick);
    const canConceal = whole > 0 && whole <= room && this.#madeUp < (this.#rate * audibleMs) / 1000;
    if (!canConceal || !this.#codec?.conceal) return this.#conceal(Math.min(wanted, room));
    const made = this.#codec.conceal(this.#pending.subarray(this.#count, this.#count + whole), this.#buffer.following);
    if (made === 0) return this.#conceal(Math.min(wanted, room));
    this.#madeUp += made;
    this.#concealedMs += (made * 1000) / this.#rate;
    this.#concealer.good(this.#append(made));
    this.#sound = this.#count;
    return made;
  }

  #conceal(wanted: number): number {
    const { silent } = this.#concealer;
    this.#concealer.conceal(this.#append(wanted));
    if (!silent) {
      this.#concealedMs += (wanted * 1000) / this.#rate;
      this.#sound = this.#count;
    }
    return wanted;
  }

  /** What is heard while the sender says nothing. @returns the number of samples */
  #fill(wanted: number): number {
    this.#concealer.pause();
    this.#noise.fill(this.#append(wanted));
    return wanted;
  }

  #catchUp(now: number): void {
    const action = this.#buffer.catchUp(now, this.#count / this.#perTick);
    this.#sinceCut++;
    if (action === 'skip') this.#count = 0;
    if ((action !== 'shorten' && action !== 'lengthen') || this.#sinceCut < cutEvery) return;
    const needed = this.#frame.length + 2 * Math.round((this.#rate * longestPitchMs) / 1000);
    while (this.#count < needed && this.#buffer.ready) {
      this.#buffer.take(now, this.#count / this.#perTick);
      this.#decode();
    }
    if (this.#count < needed) return;
    this.#sinceCut = 0;
    const change = action === 'shorten' ? cutPeriod : repeatPeriod;
    this.#count = change(this.#pending, this.#count, this.#rate);
  }
}
