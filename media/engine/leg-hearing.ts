/** What a leg hears: received audio, frame by frame at the beat, for its taps, its recordings and its detectors. */
import type { Clock } from '../../src/base/clock.ts';
import type { JitterBufferOptions } from '../jitter/delay-estimate.ts';
import { Playout } from '../jitter/playout.ts';
import { beatMs } from '../pacer.ts';
import { AudioTap } from './audio-tap.ts';
import type { Incoming } from './incoming.ts';
import { LegAnalysis } from './leg-analysis.ts';
import { LegRecordings, type RecordingPorts } from './leg-recordings.ts';
import type { Outgoing } from './outgoing.ts';

/** Frames of a stall that are heard behind it. */
const mostFrames = 50;

export interface HearingPorts extends RecordingPorts {
  readonly clock: Clock;
}

export interface HearingOwner {
  /** Asks for the beat. */
  readonly pace: () => void;
  /** What is recorded, or how, is another now. */
  readonly onRecordings: () => void;
}

export class LegHearing {
  readonly #leg: string;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #jitterBuffer: JitterBufferOptions;
  readonly #ports: HearingPorts;
  readonly #owner: HearingOwner;
  readonly #taps = new Map<string, AudioTap>();
  readonly recordings: LegRecordings;
  /** What it listens for. */
  readonly analysis: LegAnalysis;
  /** Beats of a stall that are not heard yet. */
  #beatsOwed = 0;

  constructor(
    leg: string,
    incoming: Incoming,
    outgoing: Outgoing,
    jitterBuffer: JitterBufferOptions,
    ports: HearingPorts,
    owner: HearingOwner,
  ) {
    this.#leg = leg;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#jitterBuffer = jitterBuffer;
    this.#ports = ports;
    this.#owner = owner;
    this.recordings = new LegRecordings(
      leg,
      ports,
      () => {
        this.#listen();
        owner.onRecordings();
      },
      () => this.#taps.size === 0 && this.#hearRest(),
    );
    this.analysis = new LegAnalysis(leg, ports.clock, ports.emit, () => this.#analyse());
  }

  /** True while somebody listens. */
  get active(): boolean {
    return this.#incoming.playout !== undefined;
  }

  tick(due: number, skipped: number): void {
    const { playout } = this.#incoming;
    if (!playout) return;
    this.#listenTo(playout, due, skipped);
    this.analysis.tick();
  }

  /**
   * Behind a stall what came meanwhile still waits in the socket: of the beats that were skipped only one is heard now, the
   * others with the next.
   */
  #listenTo(playout: Playout, due: number, skipped: number): void {
    const beats = this.#beatsOwed + skipped + 1;
    const heard = skipped > 0 && this.#beatsOwed === 0 ? 1 : beats;
    this.#beatsOwed = beats - heard;
    for (let ago = Math.min(beats, mostFrames) - 1; ago >= beats - heard; ago--) {
      const { unheard } = playout;
      const frame = playout.frame(due - ago * beatMs);
      if (frame) this.#heard(frame, playout.rate, playout.unheard === unheard);
      else this.analysis.heardNothing();
    }
    this.recordings.tick(heard - 1);
  }

  /** What has come is heard, even if its time has not. */
  #hearRest(): void {
    const { playout } = this.#incoming;
    for (let frame = playout?.rest(); playout && frame; frame = playout.rest()) this.#heard(frame, playout.rate, true);
  }

  /** @param known false when some of it was made up for what was lost */
  #heard(samples: Int16Array, rate: number, known: boolean): void {
    this.analysis.heard(samples, rate, known);
    this.recordings.received(samples, rate);
    for (const tap of this.#taps.values()) tap.write(samples, rate);
  }

  #listen(): void {
    const hearsSent = this.recordings.size > 0 || this.analysis.hearsSent;
    this.#outgoing.onSent = hearsSent ? (...packet) => this.recordings.sent(...packet) : undefined;
    const listens = this.#taps.size > 0 || this.recordings.size > 0 || this.analysis.size > 0;
    if (!listens) {
      this.#incoming.playout = undefined;
      this.#beatsOwed = 0;
    } else {
      this.#incoming.playout ??= new Playout(this.#jitterBuffer);
      this.#owner.pace();
    }
  }

  #analyse(): void {
    this.recordings.onSent = this.analysis.hearsSent ? (samples, rate) => this.analysis.sent(samples, rate) : undefined;
    this.#listen();
  }

  openTap(tap: string, ring: SharedArrayBuffer, rate: number): void {
    const onReady = (): void => this.#ports.emit({ type: 'ring.ready', leg: this.#leg, id: tap });
    this.#taps.set(tap, new AudioTap(ring, rate, onReady));
    this.#listen();
  }

  closeTap(tap: string): void {
    this.#taps.get(tap)?.close();
    this.#taps.delete(tap);
    this.#listen();
  }

  /** Taps and detectors end here; the recordings are closed by the leg, which waits for their files. */
  close(): void {
    this.#hearRest();
    for (const tap of [...this.#taps.keys()]) this.closeTap(tap);
    this.analysis.close();
  }
}
