/** What a leg sends of its own at the beat: key presses come before a playback. */
import { frameBytes } from '../codec/index.ts';
import { eventBytes, writeEvent } from '../dtmf/event.ts';
import { fillKeyTone } from '../dtmf/key-tone.ts';
import { type DtmfSender, type DtmfStep, eventVolume } from '../dtmf/sender.ts';
import { beatMs } from '../pacer.ts';
import type { EnginePlayback } from '../playback.ts';
import { rtpHeaderBytes } from '../rtp/packet.ts';
import type { OutStream } from './out-stream.ts';

export interface OwnSourcePorts {
  readonly onPlayed: (playback: EnginePlayback, end: 'completed' | 'stopped' | 'ended') => void;
  readonly onDigitsSent: (sender: DtmfSender) => void;
}

export class OwnSources {
  readonly #stream: OutStream;
  readonly #ports: OwnSourcePorts;
  #playback: EnginePlayback | undefined;
  #digits: DtmfSender[] = [];
  /** ms of audio that are due and not yet in a packet. */
  #credit = 0;

  constructor(stream: OutStream, ports: OwnSourcePorts) {
    this.#stream = stream;
    this.#ports = ports;
  }

  get playback(): EnginePlayback | undefined {
    return this.#playback;
  }

  /** Those that are pressed now. */
  get digits(): DtmfSender | undefined {
    return this.#digits[0];
  }

  /** Something is to be sent. */
  get active(): boolean {
    return this.#playback !== undefined || this.#digits.length > 0;
  }

  /** The new source takes over at the next beat; the old one is stopped. */
  play(playback: EnginePlayback): void {
    this.stop('stopped');
    this.#playback = playback;
    this.#credit = 0;
    this.#stream.fresh = true;
  }

  /** Ends the playback, if there is one. */
  stop(end: 'stopped' | 'ended'): void {
    const playback = this.#playback;
    this.#playback = undefined;
    if (playback) this.#ports.onPlayed(playback, end);
  }

  sendDigits(sender: DtmfSender): void {
    this.#digits.push(sender);
  }

  /** What was to be sent is given up. @returns the senders that are not done */
  stopDigits(): readonly DtmfSender[] {
    const left = this.#digits;
    this.#digits = [];
    return left;
  }

  /** One beat, while `active`. */
  tick(due: number, skipped: number): void {
    const digits = this.#digits[0];
    if (digits) this.#press(digits, due, skipped);
    else if (this.#playback) this.#play(this.#playback, due);
  }

  #press(digits: DtmfSender, due: number, skipped: number): void {
    if (skipped > 0) digits.skip(skipped);
    const step = digits.next();
    if (digits.state.inband) this.#sound(step, due);
    else if (step) this.#event(digits, step, due);
    if (!digits.done) return;
    this.#digits.shift();
    this.#ports.onDigitsSent(digits);
  }

  /** One beat of a key as a tone; silence between two. */
  #sound(step: DtmfStep | undefined, due: number): void {
    const stream = this.#stream;
    const { codec } = stream;
    if (!codec || !stream.ready) return;
    const { sampleRate } = codec;
    const samples = new Int16Array((sampleRate * beatMs) / 1000);
    if (step && step.beat < step.beats)
      fillKeyTone(samples, step.event, step.beat * samples.length, step.beats * samples.length, sampleRate);
    const bytes = frameBytes(codec, beatMs);
    const buffer = stream.buffers.next(bytes);
    codec.encode(samples, buffer.subarray(rtpHeaderBytes));
    stream.packet(buffer, bytes, bytes / codec.bytesPerTick, due);
  }

  #event({ state }: DtmfSender, { event, begins, end, duration }: DtmfStep, due: number): void {
    const stream = this.#stream;
    const payloadType = stream.audio?.telephoneEvent?.sendPayloadType;
    if (begins) state.timestamp = stream.begin(due);
    stream.fresh = true;
    if (payloadType === undefined || !stream.ready) return;
    const buffer = stream.buffers.next(eventBytes);
    writeEvent(buffer, rtpHeaderBytes, event, end, eventVolume, duration);
    stream.event(buffer, 0, eventBytes, payloadType, state.timestamp, begins, due);
  }

  #play(playback: EnginePlayback, due: number): void {
    const stream = this.#stream;
    if (stream.isBusy(due)) return;
    const { ptime, frameBytes } = stream;
    this.#credit += beatMs;
    while (this.#credit >= ptime && this.#playback === playback) {
      this.#credit -= ptime;
      // On hold the music stands still; it goes on where it stopped.
      if (frameBytes > 0 && stream.ready) this.#frame(playback, frameBytes, due - this.#credit);
    }
  }

  #frame(playback: EnginePlayback, bytes: number, at: number): void {
    const stream = this.#stream;
    const buffer = stream.buffers.next(bytes);
    if (playback.frame(buffer, rtpHeaderBytes, bytes) === 'audio') stream.packet(buffer, bytes, stream.frameTicks, at);
    if (!playback.finished) return;
    this.#playback = undefined;
    this.#ports.onPlayed(playback, 'completed');
  }
}
