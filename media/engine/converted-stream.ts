/**
 * A stream of packets into one of another codec, at our beat: what comes goes through a jitter buffer, what is lost is made
 * up, and what goes out is even and without a gap. Telephone-events pass it by, in place of the audio of that time.
 */
import { eventBytes, maxDuration } from '../dtmf/event.ts';
import type { JitterBufferOptions } from '../jitter/delay-estimate.ts';
import { Playout } from '../jitter/playout.ts';
import { beatMs } from '../pacer.ts';
import { type RtpView, rtpHeaderBytes } from '../rtp/packet.ts';
import type { Arrival } from '../rtp/receiver.ts';
import { type RtpTimestamp, type SeqNo, type Ssrc, seqDiff, timestampDiff } from '../rtp/sequence.ts';
import { comfortNoise, quietNoise } from './encoding.ts';
import { OwnPacketBuffers } from './packet-buffers.ts';
import type { Transcoder } from './transcoder.ts';

/** ms of delay that an even stream has, at the most: both sides wait for who speaks. */
const mostKeptMs = 20;
/** ms without a packet after which a source that told of no noise is taken to send no more: that stays a pause. */
const silentMs = 1000;
/** ms that a beat may be late before it is a stall of ours. */
const overdueMs = 2 * beatMs;
/** Beats that are made up behind a stall: what is older is left out. */
const mostOwed = 15;
/** ms behind a packet of a key press in which no audio goes out; those packets are up to 50 ms apart. */
const pressMs = 60;
/** Between two descriptions of the same noise. */
const noiseMs = 1000;
/** Segments of one long key press that may be lost as a whole (RFC 4733 §2.5.1.3). */
const mostSegments = 8;

/** Where it goes on. */
export interface ConvertedOut {
  /**
   * The next packet, with room for its header in front.
   * @param at ms on the clock when it is due @param follows right behind the packet before
   */
  packet(packet: Uint8Array, octets: number, ticks: number, at: number, follows: boolean): void;
  /** In place of silence. @returns false where the peer did not agree to it */
  noise(description: Uint8Array, at: number): boolean;
}

interface Press {
  readonly event: number;
  /** Of its first segment. */
  readonly in: RtpTimestamp;
  readonly out: RtpTimestamp;
}

/** A telephone-event as it goes out. */
export interface ConvertedEvent {
  readonly timestamp: RtpTimestamp;
  /** The first of its press. */
  readonly begins: boolean;
}

export class ConvertedStream {
  readonly #transcoder: Transcoder;
  readonly #playout: Playout;
  readonly #out: ConvertedOut;
  readonly #buffers = new OwnPacketBuffers();
  #ssrc: Ssrc | undefined;
  #heardAt = 0;
  #follows = false;
  /** ms on the clock of the last beat, and whether there were others before it that were left out. */
  #beatAt = 0;
  #skipped = false;
  /** Beats of a stall that are not sent yet. */
  #owed = 0;
  /** The noise that was described last in this pause, and ms on the clock when. */
  #described: Uint8Array = quietNoise;
  #noiseAt = Number.NEGATIVE_INFINITY;
  #press: Press | undefined;
  #newestEvent: SeqNo = 0;
  /** ms on the clock until which a press is sent. */
  #pressedUntil = Number.NEGATIVE_INFINITY;

  /** Takes the transcoder over. */
  constructor(transcoder: Transcoder, jitterBuffer: JitterBufferOptions, out: ConvertedOut) {
    this.#transcoder = transcoder;
    const { mode, min } = jitterBuffer;
    this.#playout = new Playout({ ...jitterBuffer, min: mode === 'fixed' ? min : Math.min(min, mostKeptMs) });
    this.#out = out;
  }

  /** True while packets of this source go on. */
  continues(ssrc: Ssrc): boolean {
    return this.#ssrc === ssrc;
  }

  /** There is something to send at the beat. */
  get active(): boolean {
    return this.#ssrc !== undefined;
  }

  /** Another source spoke meanwhile, or there is none any more: the next packet begins anew. */
  reset(): void {
    if (this.#ssrc === undefined) return;
    this.#ssrc = undefined;
    this.#playout.reset();
  }

  /** One audio packet. */
  audio(buffer: Uint8Array, view: RtpView, arrival: Arrival, now: number): void {
    const { from } = this.#transcoder;
    if (this.#ssrc !== view.ssrc) {
      this.reset();
      this.#transcoder.reset();
      this.#ssrc = view.ssrc;
      this.#follows = false;
      this.#press = undefined;
      this.#noiseAt = Number.NEGATIVE_INFINITY;
      this.#skipped = false;
      this.#owed = 0;
      this.#beatAt = now;
    }
    this.#heardAt = now;
    if (arrival === 'duplicate') return;
    // The beat itself is overdue, or it was: what is read now waited in the socket.
    this.#playout.stalled = this.#skipped || now - this.#beatAt > overdueMs;
    const { sequence, timestamp, payloadOffset, payloadLength } = view;
    const restart = arrival === 'restart';
    this.#playout.packet(
      'audio',
      from,
      from.clockRate,
      sequence,
      timestamp,
      buffer,
      payloadOffset,
      payloadLength,
      restart,
      now,
    );
  }

  /** A packet of the present source that holds no audio: comfort noise, or an event that may not be sent. */
  other(content: 'noise' | 'event', buffer: Uint8Array, view: RtpView, now: number): void {
    const { sequence, timestamp, payloadOffset: offset, payloadLength: length } = view;
    const rate = comfortNoise.clockRate;
    this.#heardAt = now;
    this.#playout.packet(content, undefined, rate, sequence, timestamp, buffer, offset, length, false, now);
  }

  /**
   * The beat. Behind a stall what came meanwhile still waits in the socket: the beats that were left out go out with the
   * next one, as packets that are forwarded would.
   * @param due ms on the clock @param skipped beats that were left out before it
   */
  tick(due: number, skipped: number): void {
    this.#beatAt = due;
    this.#skipped = skipped > 0;
    if (due - this.#heardAt > silentMs && this.#playout.noise.length === 0) {
      this.reset();
      return;
    }
    const beats = Math.min(this.#owed + skipped + 1, mostOwed);
    const done = skipped > 0 && this.#owed === 0 ? 1 : beats;
    this.#owed = beats - done;
    for (let ago = beats - 1; ago >= this.#owed; ago--) this.#beat(due - ago * beatMs);
  }

  #beat(due: number): void {
    const transcoder = this.#transcoder;
    const playout = this.#playout;
    const frame = playout.frame(due);
    if (!frame || due < this.#pressedUntil) {
      this.#follows = false;
      return;
    }
    if (playout.paused && transcoder.waitingMs < 1 && this.#pauses(due)) return;
    this.#noiseAt = Number.NEGATIVE_INFINITY;
    transcoder.push(frame, playout.rate);
    while (transcoder.ready) {
      const packet = this.#buffers.next(transcoder.mostBytes);
      const octets = transcoder.pull(packet.subarray(rtpHeaderBytes));
      if (octets > 0)
        this.#out.packet(packet, octets, transcoder.frameTicks, due - transcoder.waitingMs, this.#follows);
      this.#follows = octets > 0;
    }
  }

  /**
   * A beat in which there is nothing to hear: noise is described where the peer takes that, at the beginning, when it
   * changes, and again at times, for one description may be lost.
   */
  #pauses(due: number): boolean {
    const { noise } = this.#playout;
    const description = noise.length > 0 ? noise : quietNoise;
    if (due - this.#noiseAt < noiseMs && equal(description, this.#described)) return true;
    if (!this.#out.noise(description, due)) return false;
    this.#described = description.slice();
    this.#noiseAt = due;
    this.#follows = false;
    return true;
  }

  /**
   * One telephone-event packet of the present source. Its duration is rewritten in place.
   * @param ratio the clock of the events that go out, divided by that of those that come
   * @param begin the timestamp of a press that begins now
   * @returns undefined for one that comes too late
   */
  event(
    buffer: Uint8Array,
    view: RtpView,
    ratio: number,
    now: number,
    begin: () => RtpTimestamp,
  ): ConvertedEvent | undefined {
    this.other('event', buffer, view, now);
    if (view.payloadLength < eventBytes) return undefined;
    const before = this.#press;
    if (before && seqDiff(view.sequence, this.#newestEvent) <= 0) return undefined;
    this.#newestEvent = view.sequence;
    const at = view.payloadOffset;
    const press = this.#pressOf(buffer[at]!, view.timestamp, begin);
    const inSegment = (buffer[at + 2]! << 8) | buffer[at + 3]!;
    const whole = timestampDiff(view.timestamp, press.in) + inSegment;
    // One that is longer than a segment holds on the other clock stays at the longest: its end is what counts.
    const duration = Math.min(maxDuration, Math.round(whole * ratio));
    buffer[at + 2] = duration >> 8;
    buffer[at + 3] = duration;
    this.#pressedUntil = now + pressMs;
    return { timestamp: press.out, begins: press !== before };
  }

  /** All packets of a press have one timestamp on their way out, also those of its later segments. */
  #pressOf(event: number, timestamp: RtpTimestamp, begin: () => RtpTimestamp): Press {
    const known = this.#press;
    if (known?.event === event) {
      const ahead = timestampDiff(timestamp, known.in);
      if (ahead >= 0 && ahead % maxDuration === 0 && ahead <= mostSegments * maxDuration) return known;
    }
    this.#press = { event, in: timestamp, out: begin() };
    return this.#press;
  }

  expectLoss(percent: number): void {
    this.#transcoder.to.expectLoss?.(percent);
  }

  close(): void {
    this.#ssrc = undefined;
    this.#transcoder.close();
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
