/**
 * `npm run soak -- --media`: hours of audio in virtual time. Peers whose clocks are not ours talk through a network that
 * loses and delays: bridged, converted, played to, in a conference, and all recorded in stereo. Every peer sounds a mark
 * every 10 s, all in the same moment, and so does the prompt: where the marks lie in a recording tells how late each of
 * its sides is.
 */
import { Writable } from 'node:stream';
import { wavHeaderBytes } from '../../media/audio/index.ts';
import { type AudioCodec, codecFor, frameBytes } from '../../media/codec/index.ts';
import { type Codec, Media, type MediaBridge, type MediaLeg, type RecordingHandle } from '../../media/index.ts';
import { readRtp, rtpView, writeRtpHeader } from '../../media/rtp/packet.ts';
import { seqDiff, timestampDiff } from '../../media/rtp/sequence.ts';
import type { Clock, Timer } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';
import {
  chance,
  FakeClock,
  fraction,
  type LabHost,
  LabNetwork,
  MemoryFiles,
  seededRandom,
} from '../../src/testing/index.ts';
import { machine } from '../media/support/open-media.ts';
import { l16, negotiated, pcma, pcmu } from '../media/support/phone.ts';

export interface MediaSoakOptions {
  /** Virtual hours. */
  readonly hours: number;
  /** Share of the packets that are lost on their way to us. */
  readonly loss?: number;
  /** Up to so many ms more on the way. */
  readonly jitterMs?: number;
  /** Parts per million by which clocks of peers are fast or slow. */
  readonly drift?: number;
  /** Called after each tenth. */
  readonly onTenth?: () => void;
}

/** One recording in stereo: how much the marks moved from the first minutes to the last, ms. */
export interface RecordedSides {
  readonly name: string;
  /** Of the received side, of the sent one, and of the one against the other. */
  readonly received: number;
  readonly sent: number;
  readonly apart: number;
  /** Marks in each side, and those that there were. */
  readonly marks: readonly [number, number, number];
}

export interface MediaSoakReport {
  readonly virtualMs: number;
  readonly packets: number;
  readonly recordings: readonly RecordedSides[];
  /** Packets of streams of our own that did not follow the one before. */
  readonly breaks: number;
}

const markEveryMs = 10_000;
const markMs = 200;
/** Marks are told from voices by their level. */
const markLevel = 24_000;
const humLevel = 2000;
const threshold = 14_000;
/** Of so many marks the middle one counts: one may be hit by loss. */
const marksCompared = 5;
const packetMs = 20;
const wayMs = 30;

/** Voice of a peer: a hum that is never silent, and the mark every 10 s of true time. @param at ms, @param step ms */
function speak(out: Int16Array, at: number, step: number, pitch: number): void {
  for (let i = 0; i < out.length; i++) {
    const ms = at + i * step;
    const sinceMark = ms % markEveryMs;
    const marks = ms >= markEveryMs && sinceMark < markMs;
    out[i] = marks
      ? markLevel * Math.sin((2 * Math.PI * 1000 * sinceMark) / 1000)
      : humLevel * Math.sin((2 * Math.PI * pitch * ms) / 1000);
  }
}

/** Sends a packet every 20 ms of its own clock, and looks at what comes back. */
class Peer {
  readonly leg: MediaLeg;
  readonly port: number;
  breaks = 0;
  packets = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #host: LabHost;
  readonly #coder: AudioCodec;
  readonly #format: Codec;
  readonly #frame: Int16Array;
  readonly #speed: number;
  readonly #options: MediaSoakOptions;
  readonly #view = rtpView();
  /** Audio of our own: every packet follows the one before. */
  readonly #isOurs: boolean;
  #sent = 0;
  #before: { readonly sequence: number; readonly timestamp: number } | undefined;
  #arrival = 0;
  #timer: Timer | undefined;

  constructor(
    host: LabHost,
    clock: Clock,
    random: Random,
    leg: MediaLeg,
    port: number,
    format: Codec,
    options: MediaSoakOptions & { readonly fast: number; readonly isOurs: boolean },
  ) {
    this.#host = host;
    this.#clock = clock;
    this.#random = random;
    this.leg = leg;
    this.port = port;
    this.#format = format;
    this.#options = options;
    this.#coder = codecFor(format)!;
    this.#frame = new Int16Array((this.#coder.sampleRate * packetMs) / 1000);
    this.#speed = 1 + (options.fast * (options.drift ?? 0)) / 1e6;
    this.#isOurs = options.isOurs;
    this.#next();
  }

  #next(): void {
    const { jitterMs = 0 } = this.#options;
    const period = packetMs / this.#speed;
    const spokenAt = (this.#sent + 1) * period;
    // One packet does not overtake another.
    this.#arrival = Math.max(this.#arrival, spokenAt + wayMs + fraction(this.#random) * jitterMs);
    this.#timer = this.#clock.setTimer(this.#arrival - this.#clock.now(), () => this.#arrive(), 'peer');
  }

  #arrive(): void {
    const { loss = 0 } = this.#options;
    const period = packetMs / this.#speed;
    if (!chance(this.#random, loss)) {
      const { payloadType, clockRate } = this.#format;
      const bytes = new Uint8Array(12 + frameBytes(this.#coder, packetMs));
      speak(this.#frame, this.#sent * period, period / this.#frame.length, 110 + (this.port % 7) * 15);
      this.#coder.encode(this.#frame, bytes.subarray(12));
      const timestamp = (this.#sent * clockRate * packetMs) / 1000;
      writeRtpHeader(bytes, 0, payloadType, false, this.#sent & 0xffff, timestamp >>> 0, this.port);
      this.#host.deliver(this.leg.port, bytes, { address: '10.0.0.1', port: this.port });
    }
    this.#sent++;
    this.#next();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  hears(bytes: Uint8Array): void {
    const view = this.#view;
    if (!readRtp(bytes, 0, bytes.length, view)) throw new Error('what came is no RTP');
    this.packets++;
    const { sequence, timestamp } = view;
    const before = this.#before;
    this.#before = { sequence, timestamp };
    if (!this.#isOurs || !before) return;
    const ticks = (this.#format.clockRate * packetMs) / 1000;
    if (seqDiff(sequence, before.sequence) !== 1 || timestampDiff(timestamp, before.timestamp) !== ticks) this.breaks++;
  }
}

/** Takes a stereo WAV as it is written and keeps of it where its marks are. */
class Marks extends Writable {
  readonly #rate: number;
  /** Of the left side and of the right one: ms since the beginning. */
  readonly at: readonly [number[], number[]] = [[], []];
  readonly #quietUntil = [0, 0];
  #header = wavHeaderBytes;
  #frames = 0;

  constructor(rate: number) {
    super();
    this.#rate = rate;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const skipped = Math.min(this.#header, chunk.length);
    this.#header -= skipped;
    const samples = new Int16Array(Uint8Array.from(chunk.subarray(skipped)).buffer);
    for (let i = 0; i < samples.length; i++) {
      const side = i & 1;
      const frame = this.#frames + (i >> 1);
      if (Math.abs(samples[i]!) < threshold || frame < this.#quietUntil[side]!) continue;
      this.at[side]!.push((frame * 1000) / this.#rate);
      this.#quietUntil[side] = frame + this.#rate;
    }
    this.#frames += samples.length / 2;
    done();
  }

  compare(name: string, expected: number): RecordedSides {
    const [received, sent] = this.at.map((side) => moved(side.map((at) => offBeat(at)))) as [number, number];
    const apart = moved(pairs(this.at[0], this.at[1]));
    return { name, received, sent, apart, marks: [this.at[0].length, this.at[1].length, expected] };
  }
}

/** How far a mark is from the moment at which it was made, −5 … 5 s. */
const offBeat = (at: number): number => ((at + markEveryMs / 2) % markEveryMs) - markEveryMs / 2;

/** Of each mark on the left how much later it is on the right; those that one side lacks are left out. */
function pairs(left: readonly number[], right: readonly number[]): number[] {
  const slots = new Map(right.map((at) => [Math.round(at / markEveryMs), at]));
  return left.flatMap((at) => {
    const other = slots.get(Math.round(at / markEveryMs));
    return other === undefined ? [] : [other - at];
  });
}

/** The largest difference from how it was at the beginning, by medians. */
function moved(values: readonly number[]): number {
  const medians: number[] = [];
  for (let at = 0; at + marksCompared <= values.length; at++) {
    const some = values.slice(at, at + marksCompared).toSorted((a, b) => a - b);
    medians.push(some[marksCompared >> 1]!);
  }
  const first = medians[0] ?? Number.NaN;
  return Math.max(...medians.map((median) => Math.abs(median - first)));
}

/** A prompt of exactly 10 s with its mark in it, some seconds from those of the peers. */
function prompt(): Uint8Array {
  const samples = new Int16Array((markEveryMs / 1000) * 8000);
  speak(samples, 2000, 1 / 8, 180);
  const coder = codecFor(pcmu)!;
  const bytes = new Uint8Array(samples.length);
  coder.encode(samples, bytes);
  return bytes;
}

/** @throws when something is left */
export async function soakMedia(seed: number, options: MediaSoakOptions): Promise<MediaSoakReport> {
  const clock = new FakeClock();
  const network = new LabNetwork(clock, seed);
  const host = network.host('media', '10.0.0.9');
  const peers = new Map<number, Peer>();
  network.onSight = ({ bytes, to }) => peers.get(to.port)?.hears(bytes);
  const media = new Media(
    { rtpPorts: { min: 20_000, max: 20_099 }, workers: 0 },
    { ...machine, clock, files: new MemoryFiles(clock), udp: host.rtp, random: seededRandom(seed) },
  );
  let failure: unknown;
  try {
    await media.open();
    const join = async (fast: number, format: Codec = pcmu, isOurs = false): Promise<MediaLeg> => {
      const port = 4000 + 2 * peers.size;
      const leg = await media.createLeg({ bindAddress: '10.0.0.9', callId: String(port) });
      leg.onFailed = (error) => {
        failure ??= error;
      };
      leg.negotiate(negotiated({ address: '10.0.0.1', port, rtcpPort: port + 1 }, { codec: format }));
      const random = seededRandom(seed, String(port));
      peers.set(port, new Peer(host, clock, random, leg, port, format, { ...options, fast, isOurs }));
      return leg;
    };
    const recordings: { readonly name: string; readonly marks: Marks; readonly handle: RecordingHandle }[] = [];
    const record = (name: string, leg: MediaLeg): void => {
      const marks = new Marks(8000);
      recordings.push({ name, marks, handle: leg.record(marks, { sampleRate: 8000 }) });
    };
    const bridges: MediaBridge[] = [];
    const bridge = (a: MediaLeg, b: MediaLeg): void => {
      const made = media.createBridge({ transcode: true });
      made.add(a);
      made.add(b);
      bridges.push(made);
    };

    const [fast, slow] = [await join(1), await join(-1)];
    bridge(fast, slow);
    record('bridged, of the fast one', fast);
    record('bridged, of the slow one', slow);
    const [wide, narrow] = [await join(1, l16), await join(-1, pcma)];
    bridge(wide, narrow);
    record('converted, of the wide one', wide);
    record('converted, of the narrow one', narrow);
    const listener = await join(1, pcmu, true);
    listener.play(prompt(), '', { loop: true });
    record('played', listener);
    const members = [await join(1, pcmu, true), await join(-1, pcmu, true), await join(0, pcmu, true)];
    const conference = media.createConference();
    for (const member of members) conference.add(member);
    record('conference, of the fast one', members[0]!);
    record('conference, of the slow one', members[1]!);

    const virtualMs = Math.round(options.hours * 3_600_000);
    for (let tenth = 0; tenth < 10; tenth++) {
      await clock.advance(virtualMs / 10);
      if (failure !== undefined) throw failure;
      options.onTenth?.();
    }
    const all = [...peers.values()];
    for (const peer of all) peer.stop();
    const closing = Promise.all(recordings.map(({ handle }) => handle.close()));
    await clock.advance(1000);
    await closing;
    for (const made of bridges) made.close();
    await conference.close();
    await Promise.all(all.map(({ leg }) => leg.close()));
    const left = Object.entries({ ...(await media.counts()), timer: clock.pending }).filter(([, count]) => count > 0);
    if (left.length > 0)
      throw new Error(`left at the end: ${left.map(([name, count]) => `${count} ${name}`).join(', ')}`);
    const expected = Math.floor((virtualMs - wayMs) / markEveryMs);
    return {
      virtualMs,
      packets: all.reduce((sum, { packets }) => sum + packets, 0),
      breaks: all.reduce((sum, { breaks }) => sum + breaks, 0),
      recordings: recordings.map(({ name, marks }) => marks.compare(name, expected)),
    };
  } finally {
    await media.close();
  }
}
