/**
 * Key presses as telephone-event packets (RFC 4733 §2.5.1): one per beat with a growing duration, the
 * first marked, all with the timestamp of the beginning, the end sent three times. Pure: what is to go
 * out at a beat is computed from how many beats have passed.
 */
import { beatMs } from '../pacer.ts';
import type { RtpTimestamp } from '../rtp/sequence.ts';
import { eventOf, maxDuration } from './event.ts';

/** −dBm0, as telephones send it. */
export const eventVolume = 10;
const ends = 3;

/** Plain data: part of a leg's snapshot. */
export interface DtmfSendState {
  readonly digits: string;
  readonly durationMs: number;
  readonly gapMs: number;
  /** As tones in the audio: the beats are the same, and the gap is silence. */
  readonly inband: boolean;
  /** Index of the digit being sent. */
  digit: number;
  /** Beats since that digit began. */
  beat: number;
  /** Of the press being sent. */
  timestamp: RtpTimestamp;
}

/** What goes out at one beat. */
export interface DtmfStep {
  readonly event: number;
  /** The first packet of a press: marked, and `state.timestamp` is set to the time of now. */
  readonly begins: boolean;
  readonly end: boolean;
  /** In timestamp units. */
  readonly duration: number;
  /** Beats since the key went down, and beats that it is down in all. */
  readonly beat: number;
  readonly beats: number;
}

export class DtmfSender {
  readonly state: DtmfSendState;
  readonly #pressBeats: number;
  readonly #beats: number;
  readonly #step: number;

  /** @param clockRate of the telephone-event; a press is no longer than one segment of it */
  constructor(state: DtmfSendState, clockRate: number) {
    this.state = state;
    this.#step = Math.floor((clockRate * beatMs) / 1000);
    const longest = Math.floor(maxDuration / this.#step);
    this.#pressBeats = Math.min(longest, Math.max(2, Math.round(state.durationMs / beatMs)));
    this.#beats = this.#pressBeats + ends - 1 + Math.max(1, Math.round(state.gapMs / beatMs));
  }

  static create(digits: string, durationMs: number, gapMs: number, clockRate: number, inband = false): DtmfSender {
    return new DtmfSender({ digits, durationMs, gapMs, inband, digit: 0, beat: 0, timestamp: 0 }, clockRate);
  }

  /** True after the last packet of the last digit. */
  get done(): boolean {
    const { digit, digits, beat } = this.state;
    return digit >= digits.length || (digit === digits.length - 1 && beat >= this.#pressBeats + ends - 1);
  }

  /** Beats were left out: the press was so much longer. Its first packet and its end are sent in any case. */
  skip(beats: number): void {
    const { state } = this;
    if (state.beat > 0 && state.beat < this.#pressBeats)
      state.beat = Math.min(state.beat + beats, this.#pressBeats - 1);
  }

  /** @returns undefined in the gap between two presses, and when `done` */
  next(): DtmfStep | undefined {
    if (this.done) return undefined;
    const { state } = this;
    const beat = state.beat++;
    const event = eventOf(state.digits[state.digit]!);
    if (state.beat >= this.#beats) {
      state.digit++;
      state.beat = 0;
    }
    if (beat >= this.#pressBeats + ends - 1) return undefined;
    return {
      event,
      begins: beat === 0,
      end: beat >= this.#pressBeats - 1,
      duration: (Math.min(beat, this.#pressBeats - 1) + 1) * this.#step,
      beat,
      beats: this.#pressBeats,
    };
  }
}
