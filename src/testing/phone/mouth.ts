/** What a lab phone says: one RTP stream of 20 ms packets, with silence where there is nothing to say. */
import { resample, type Tone, ToneGenerator } from '../../../media/audio/index.ts';
import { type AudioCodec, bytesFor, codecFor } from '../../../media/codec/index.ts';
import { eventBytes, eventOf, writeEvent } from '../../../media/dtmf/event.ts';
import { DtmfSender, eventVolume } from '../../../media/dtmf/sender.ts';
import { rtpHeaderBytes, writeRtpHeader } from '../../../media/rtp/packet.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { LabError } from '../errors.ts';
import { hearingRate } from '../hearing/heard-audio.ts';
import type { PhonePayload } from './sdp.ts';

const beatMs = 20;

/** 16-bit mono at 8 kHz, or a tone that goes on until something else is said. */
export type Speech = Int16Array | Tone;

interface Saying {
  readonly speech: Speech;
  /** How much of it is said, in samples at 8 kHz. */
  said: number;
  /** Fills a frame with what comes next. */
  next: (out: Int16Array) => void;
  readonly done: () => void;
}

function isOver({ speech, said }: Saying): boolean {
  return speech instanceof Int16Array && said >= speech.length;
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
  /** Undefined until the first is agreed on. */
  #codec: AudioCodec | undefined;
  #events: PhonePayload | undefined;
  #timer: Timer | undefined;
  /** When the next packet is, clock ms. */
  #due: number | undefined;
  /** Silence is sent, too, when there is nothing to say. */
  #talks = false;
  /** The peer takes what we send. */
  #open = false;
  #saying: Saying | undefined;
  #pressing: Pressing[] = [];
  #frame = new Int16Array(0);
  #marker = true;
  #closed = false;

  /** @param send one RTP packet, its own from then on */
  constructor(clock: Clock, random: Random, send: (packet: Uint8Array) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#ssrc = random.uint32();
    this.#sequence = random.uint32() & 0xffff;
    this.#timestamp = random.uint32();
  }

  /**
   * @param payload what the peer takes; undefined: nothing, as on hold. What is being said goes on unheard then.
   * @param events what it takes key presses in
   */
  configure(payload: PhonePayload | undefined, events: PhonePayload | undefined): void {
    if (this.#closed) return;
    const codec = payload && codecFor({ name: payload.name, clockRate: payload.rate, channels: payload.channels ?? 1 });
    this.#open = codec !== undefined;
    if (codec) {
      const changed = codec.sampleRate !== this.#codec?.sampleRate;
      this.#payload = payload;
      this.#codec = codec;
      if (changed) {
        this.#frame = new Int16Array((codec.sampleRate * beatMs) / 1000);
        if (this.#saying) this.#saying.next = this.#source(this.#saying.speech, this.#saying.said);
      }
    }
    this.#events = events;
    this.#arm();
  }

  /** Key presses were agreed on. */
  get canPress(): boolean {
    return this.#events !== undefined;
  }

  /** @param on as a real phone: silence where nothing is said. Off: no packets then. */
  talk(on: boolean): void {
    this.#talks = on;
    this.#arm();
  }

  /**
   * Resolves when it is said, to the end of its last packet, or cut off; a tone never ends by itself. What was being
   * said is cut off. While keys are pressed it waits.
   */
  say(speech: Speech): Promise<void> {
    this.hush();
    if (this.#closed) return Promise.resolve();
    return new Promise((done) => {
      this.#saying = { speech, said: 0, next: this.#source(speech, 0), done };
      this.#arm();
    });
  }

  /** Cuts off what is being said. */
  hush(): void {
    this.#saying?.done();
    this.#saying = undefined;
  }

  /**
   * Presses keys as telephone-events, after those that are being pressed. Resolves when the last is released.
   * @param digits `0`–`9`, `*`, `#`, `A`–`D`
   * @param durationMs of each; @param gapMs between two
   * @throws LabError when there is no such key
   */
  async press(digits: string, durationMs: number, gapMs: number): Promise<void> {
    const keys = digits.toUpperCase();
    for (const key of keys) if (eventOf(key) < 0) throw new LabError('ERR_LAB', `a phone has no key ${key}`);
    if (this.#closed) return;
    const rate = this.#events?.rate ?? hearingRate;
    await new Promise<void>((done) => {
      this.#pressing.push({ sender: DtmfSender.create(keys, durationMs, gapMs, rate), done });
      this.#arm();
    });
  }

  /** @param from so many samples at 8 kHz are said already */
  #source(speech: Speech, from: number): (out: Int16Array) => void {
    const rate = this.#codec?.sampleRate ?? hearingRate;
    if (!(speech instanceof Int16Array)) {
      const generator = new ToneGenerator(speech, rate, Math.round((from * rate) / hearingRate));
      return (out) => generator.fill(out);
    }
    const samples = resample(speech.subarray(from), hearingRate, rate);
    let at = 0;
    return (out) => {
      out.fill(0);
      out.set(samples.subarray(at, at + out.length));
      at += out.length;
    };
  }

  #arm(): void {
    const busy = this.#saying !== undefined || this.#pressing.length > 0;
    if (this.#closed || !this.#codec || this.#timer || !(busy || (this.#open && this.#talks))) return;
    const now = this.#clock.now();
    const due = this.#due ?? now;
    if (due + beatMs < now) {
      // The timeline goes on while nothing is sent (RFC 3550 §5.1).
      const skipped = Math.round(((now - due) * this.#codec.clockRate) / 1000);
      this.#timestamp = (this.#timestamp + skipped) >>> 0;
      this.#marker = true;
    }
    this.#due = due + beatMs < now ? now : due;
    this.#timer = this.#clock.setTimer(Math.max(0, this.#due - now), this.#beat, 'phone');
  }

  readonly #beat = (): void => {
    this.#timer = undefined;
    if (!this.#codec) return;
    if (this.#saying && isOver(this.#saying)) {
      // Whoever waited for it may have more to say, without a gap.
      this.hush();
      this.#arm();
      return;
    }
    this.#due = (this.#due ?? this.#clock.now()) + beatMs;
    if (!this.#key()) this.#speak(this.#codec);
    this.#timestamp = (this.#timestamp + (this.#codec.clockRate * beatMs) / 1000) >>> 0;
    this.#arm();
  };

  #speak(codec: AudioCodec): void {
    const saying = this.#saying;
    if (!saying && !this.#talks) return;
    const frame = this.#frame;
    const packet = new Uint8Array(rtpHeaderBytes + bytesFor(codec, frame.length));
    if (saying) {
      saying.next(frame);
      saying.said += (hearingRate * beatMs) / 1000;
      codec.encode(frame, packet.subarray(rtpHeaderBytes));
    } else codec.silence(packet.subarray(rtpHeaderBytes));
    this.#packet(packet, this.#payload as PhonePayload, this.#marker, this.#timestamp);
    this.#marker = !this.#open;
  }

  /** @returns whether a key is down in this beat; between two of them there is time to speak */
  #key(): boolean {
    const [pressing] = this.#pressing;
    if (!pressing) return false;
    const { sender, done } = pressing;
    const step = sender.next();
    if (step) {
      if (step.begins) sender.state.timestamp = this.#timestamp;
      const packet = new Uint8Array(rtpHeaderBytes + eventBytes);
      writeEvent(packet, rtpHeaderBytes, step.event, step.end, eventVolume, step.duration);
      if (this.#events) this.#packet(packet, this.#events, step.begins, sender.state.timestamp);
    }
    if (sender.done) {
      this.#pressing.shift();
      done();
    }
    return step !== undefined;
  }

  #packet(packet: Uint8Array, { payloadType }: PhonePayload, marker: boolean, timestamp: number): void {
    if (!this.#open) return;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    writeRtpHeader(packet, 0, payloadType, marker, this.#sequence, timestamp, this.#ssrc);
    this.#send(packet);
  }

  /** Says nothing any more; what was being said or pressed is cut off. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#closed = true;
    this.hush();
    for (const { done } of this.#pressing.splice(0)) done();
  }
}
