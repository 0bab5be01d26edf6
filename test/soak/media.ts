/**
 * `npm run soak -- --media`: hours of audio in virtual time. Peers whose clocks are not ours talk through a network that
 * loses and delays: bridged, converted, played to, in a conference, and all recorded in stereo, with marks that tell how
 * late each side of a recording is.
 */
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
import { Marks, markEveryMs, markedPrompt, type RecordedSides, speak } from './marks.ts';

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

export interface MediaSoakReport {
  readonly virtualMs: number;
  readonly packets: number;
  readonly recordings: readonly RecordedSides[];
  /** Packets of streams of our own that did not follow the one before. */
  readonly breaks: number;
}

const packetMs = 20;
const wayMs = 30;

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
    listener.play(markedPrompt(), '', { loop: true });
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
