/** What a lab phone says: one RTP stream of 20 ms packets, with silence where there is nothing to say. */
import { resample, type Tone, ToneGenerator } from '../../../media/audio/index.ts';
import { type AudioCodec, codecFor } from '../../../media/codec/index.ts';
import { eventBytes, writeEvent } from '../../../media/dtmf/event.ts';
import { DtmfSender, eventVolume } from '../../../media/dtmf/sender.ts';
import { rtpHeaderBytes, writeRtpHeader } from '../../../media/rtp/packet.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { hearingRate } from '../hearing/heard-audio.ts';
import type { PhonePayload } from './sdp.ts';

const beatMs = 20;

/** 16-bit mono at 8 kHz, or a tone that goes on until something else is said. */
export type Speech = Int16Array | Tone;

interface Saying {
  readonly next: (out: Int16Array) => boolean;
  readonly done: () => void;
}

interface Pressing {
  readonly sender: DtmfSender;
  readonly done: () => void;
}

export class Mouth {
  readonly #clock: Clock;
  readonly #send: (packet: Uint8Array) => void;
  readonly #ssrc: number;
  #sequence: number;
  #timestamp: number;
  #payload: PhonePayload | undefined;
  #codec: AudioCodec | undefined;
  #events: PhonePayload | undefined;
  #timer: Timer | undefined;
  #due = 0;
  /** Silence is sent, too, when there is nothing to say. */
  #talks = false;
  #open = false;
  #saying: Saying[] = [];
  #pressing: Pressing[] = [];
  #frame = new Int16Array(0);
  #marker = true;

  /** @param send one RTP packet, its own from then on */
  constructor(clock: Clock, random: Random, send: (packet: Uint8Array) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#ssrc = random.uint32();
    this.#sequence = random.uint32() & 0xffff;
    this.#timestamp = random.uint32();
  }

  /** What the peer takes; undefined: nothing, as on hold. */
  configure(payload: PhonePayload | undefined, events: PhonePayload | undefined): void {
    const codec = payload && codecFor({ name: payload.name, clockRate: payload.rate, channels: 1 });
    this.#open = codec !== undefined;
    if (codec) {
      this.#payload = payload;
      this.#codec = codec;
      this.#frame = new Int16Array((codec.clockRate * beatMs) / 1000);
    }
    this.#events = events;
    this.#arm();
  }

  get canPress(): boolean {
    return this.#events !== undefined;
  }

  /** @param on as a real phone: silence where nothing is said. Off: no packets then. */
  talk(on: boolean): void {
    this.#talks = on;
    this.#arm();
  }

  /** Resolves when it is said; a tone never ends by itself. What was being said is cut off. */
  say(speech: Speech): Promise<void> {
    this.hush();
    return new Promise((done) => {
      this.#saying.push({ next: this.#source(speech), done });
      this.#arm();
    });
  }

  hush(): void {
    for (const { done } of this.#saying.splice(0)) done();
  }

  /** Presses keys as telephone-events. */
  press(digits: string, durationMs: number, gapMs: number): Promise<void> {
    const rate = this.#events?.rate ?? hearingRate;
    return new Promise((done) => {
      this.#pressing.push({ sender: DtmfSender.create(digits, durationMs, gapMs, rate), done });
      this.#arm();
    });
  }

  #source(speech: Speech): (out: Int16Array) => boolean {
    const rate = this.#codec?.clockRate ?? hearingRate;
    if (!(speech instanceof Int16Array)) {
      const generator = new ToneGenerator(speech, rate);
      return (out) => {
        generator.fill(out);
        return true;
      };
    }
    const samples = rate === hearingRate ? speech : resample(speech, hearingRate, rate);
    let at = 0;
    return (out) => {
      if (at >= samples.length) return false;
      const part = samples.subarray(at, at + out.length);
      out.fill(0);
      out.set(part);
      at += out.length;
      return true;
    };
  }

  #arm(): void {
    const wanted = this.#open && (this.#talks || this.#saying.length > 0 || this.#pressing.length > 0);
    if (!wanted || this.#timer) return;
    const now = this.#clock.now();
    if (this.#due + beatMs < now) {
      // The timeline goes on while nothing is sent (RFC 3550 §5.1).
      const skipped = this.#due === 0 ? 0 : Math.round(((now - this.#due) * (this.#payload?.rate ?? 8000)) / 1000);
      this.#timestamp = (this.#timestamp + skipped) >>> 0;
      this.#due = now;
      this.#marker = true;
    }
    this.#timer = this.#clock.setTimer(Math.max(0, this.#due - now), this.#beat, 'phone');
  }

  readonly #beat = (): void => {
    this.#timer = undefined;
    if (!this.#open) return;
    this.#due += beatMs;
    if (this.#pressing.length > 0) this.#key();
    else this.#speak();
    this.#timestamp = (this.#timestamp + this.#frame.length) >>> 0;
    this.#arm();
  };

  #speak(): void {
    const codec = this.#codec as AudioCodec;
    const frame = this.#frame;
    let spoke = false;
    while (this.#saying.length > 0 && !spoke) {
      spoke = (this.#saying[0] as Saying).next(frame);
      if (!spoke) this.#saying.shift()?.done();
    }
    if (!spoke && !this.#talks) return;
    const packet = new Uint8Array(rtpHeaderBytes + frame.length * codec.bytesPerSample);
    if (spoke) codec.encode(frame, packet.subarray(rtpHeaderBytes));
    else packet.fill(codec.silence, rtpHeaderBytes);
    this.#packet(packet, this.#payload as PhonePayload, this.#marker, this.#timestamp);
    this.#marker = false;
  }

  #key(): void {
    const { sender, done } = this.#pressing[0] as Pressing;
    const step = sender.next();
    if (step) {
      if (step.begins) sender.state.timestamp = this.#timestamp;
      const packet = new Uint8Array(rtpHeaderBytes + eventBytes);
      writeEvent(packet, rtpHeaderBytes, step.event, step.end, eventVolume, step.duration);
      if (this.#events) this.#packet(packet, this.#events, step.begins, sender.state.timestamp);
    }
    if (!sender.done) return;
    this.#pressing.shift();
    done();
  }

  #packet(packet: Uint8Array, { payloadType }: PhonePayload, marker: boolean, timestamp: number): void {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    writeRtpHeader(packet, 0, payloadType, marker, this.#sequence, timestamp, this.#ssrc);
    this.#send(packet);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#open = false;
    this.hush();
    for (const { done } of this.#pressing.splice(0)) done();
  }
}
