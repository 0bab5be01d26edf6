/**
 * One seed of the fuzz of what comes by UDP to a media leg: RTP and RTCP as they should be, with bytes and fields turned,
 * cut short, too long, from whoever it may be; to legs that are bridged, converted, recorded and listened to.
 */
import { Writable } from 'node:stream';
import { Media, type MediaLeg, type NegotiatedAudio } from '../../media/index.ts';
import { readRtp, rtpView, writeRtpHeader } from '../../media/rtp/packet.ts';
import { readRtcp, writeRtcp } from '../../media/rtp/rtcp.ts';
import type { XrBlocks } from '../../media/rtp/xr.ts';
import type { Random } from '../../src/base/random.ts';
import { between, chance, FakeClock, LabNetwork, MemoryFiles, pick, seededRandom } from '../../src/testing/index.ts';
import { machine } from '../media/support/open-media.ts';
import { negotiated, pcma } from '../media/support/phone.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';

export interface MediaFuzzReport {
  readonly messages: number;
  /** Packets that counted. */
  readonly received: number;
}

const peer = { address: '10.0.0.1', port: 4000 };
const places = [peer, peer, peer, { address: '10.0.0.1', port: 4001 }, { address: '192.0.2.66', port: 6666 }];
const hostile = [0, 1, 0x7f, 0x80, 0xff] as const;

/** The streams of one peer, and what is done to its packets. */
class Mutants {
  readonly #random: Random;
  readonly #ours: () => number;
  #ssrc = 7;
  #sequence = 65_000;
  #timestamp = 4_294_960_000;

  /** @param ours the SSRC of the leg, for those who use it */
  constructor(random: Random, ours: () => number) {
    this.#random = random;
    this.#ours = ours;
  }

  rtp(): Uint8Array {
    const random = this.#random;
    this.#sequence = (this.#sequence + (chance(random, 0.9) ? 1 : between(random, -200, 4000))) & 0xffff;
    this.#timestamp = (this.#timestamp + (chance(random, 0.95) ? 160 : random.uint32())) >>> 0;
    if (chance(random, 0.02)) this.#ssrc = chance(random, 0.3) ? this.#ours() : random.uint32();
    const length = chance(random, 0.9) ? 160 : between(random, 0, 2500);
    const bytes = new Uint8Array(12 + length);
    bytes.set(random.bytes(Math.min(length, 64)), 12);
    const type = pick(random, [0, 0, 0, 0, 8, 13, 101, 101, between(random, 0, 127)]);
    writeRtpHeader(bytes, 0, type, chance(random, 0.1), this.#sequence, this.#timestamp, this.#ssrc);
    return chance(random, 0.4) ? this.#spoil(bytes) : bytes;
  }

  rtcp(): Uint8Array {
    const random = this.#random;
    const report = {
      ssrc: chance(random, 0.8) ? this.#ours() : random.uint32(),
      fractionLost: between(random, 0, 255),
      lost: between(random, 0, 0xffffff),
      highest: random.uint32(),
      jitter: random.uint32(),
      lastSenderReport: random.uint32(),
      delay: random.uint32(),
    };
    const sender = {
      ntp: (BigInt(random.uint32()) << 32n) | BigInt(random.uint32()),
      timestamp: random.uint32(),
      packets: random.uint32(),
      octets: random.uint32(),
    };
    const bytes = writeRtcp({
      ssrc: chance(random, 0.05) ? this.#ours() : this.#ssrc,
      cname: 'x'.repeat(between(random, 0, 255)),
      bye: chance(random, 0.2),
      ...(chance(random, 0.8) ? { report } : {}),
      ...(chance(random, 0.5) ? { sender } : {}),
      ...(chance(random, 0.5) ? { xr: this.#xr() } : {}),
    });
    const joined = chance(random, 0.2) ? Buffer.concat([bytes, bytes, bytes]) : bytes;
    return chance(random, 0.7) ? this.#spoil(Uint8Array.from(joined)) : joined;
  }

  #xr(): XrBlocks {
    const random = this.#random;
    const any = (): number => random.uint32();
    const ssrc = chance(random, 0.5) ? this.#ours() : any();
    const [lossRate, discardRate, burstDensity, gapDensity] = [0.1, 0.2, 0.3, 0.4];
    const [burstMs, gapMs, roundTripMs, endSystemDelayMs, jitterBufferMs, jitterBufferMaxMs] = [1, 2, 3, 4, 5, 6];
    const shares = { lossRate, discardRate, burstDensity, gapDensity };
    const times = { burstMs, gapMs, roundTripMs, endSystemDelayMs, jitterBufferMs, jitterBufferMaxMs };
    const levels = { signalLevel: -20, noiseLevel: -60, echoReturnLoss: 40, rFactor: 90, mosLq: 4, mosCq: 4 };
    return {
      ...(chance(random, 0.5) ? { reference: BigInt(any()) << 16n } : {}),
      ...(chance(random, 0.5) ? { since: { ssrc, reference: any(), delay: any() } } : {}),
      ...(chance(random, 0.5) ? { metrics: { ssrc, adaptive: true, ...shares, ...times, ...levels } } : {}),
    };
  }

  #spoil(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    let spoilt = bytes;
    do {
      const at = between(random, 0, Math.max(0, spoilt.length - 1));
      switch (between(random, 0, 5)) {
        case 0: // version, padding, extension, contributors, count of reports
          spoilt[0] = between(random, 0, 255);
          break;
        case 1: // lengths of an extension and of RTCP
          if (spoilt.length > 16) spoilt.set([pick(random, hostile), pick(random, hostile)], pick(random, [2, 14]));
          break;
        case 2: // padding
          if (spoilt.length > 0) spoilt[spoilt.length - 1] = between(random, 0, 255);
          break;
        case 3:
          spoilt = spoilt.slice(0, at);
          break;
        case 4:
          spoilt = Uint8Array.from([...spoilt, ...random.bytes(between(random, 1, 40))]);
          break;
        default:
          spoilt[at] = pick(random, hostile);
      }
    } while (chance(random, 0.4));
    return spoilt;
  }
}

/** What the readers say of any bytes lies within them. */
function checkReaders(bytes: Uint8Array): void {
  const view = rtpView();
  if (readRtp(bytes, 0, bytes.length, view)) {
    const { payloadOffset, payloadLength } = view;
    if (payloadOffset < 12 || payloadLength < 0 || payloadOffset + payloadLength > bytes.length)
      throw new Error('the payload is not in the datagram');
  }
  readRtcp(bytes);
}

/** @throws FuzzFinding */
export async function fuzzMedia(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<MediaFuzzReport> {
  const random = seededRandom(seed, 'media');
  const clock = new FakeClock();
  const host = new LabNetwork(clock, seed).host('media', '10.0.0.9');
  const media = new Media(
    { rtpPorts: { min: 20_000, max: 20_099 }, workers: 0, rtpTimeout: 3000, rtcpInterval: 500 },
    { ...machine, clock, files: new MemoryFiles(clock), udp: host.rtp, random: seededRandom(seed) },
  );
  let input: Uint8Array = new Uint8Array(0);
  let message = 0;
  let failure: unknown;
  try {
    await media.open();
    const create = async (options: Partial<NegotiatedAudio>): Promise<MediaLeg> => {
      const leg = await media.createLeg({ bindAddress: '10.0.0.9', callId: 'fuzz' });
      leg.onFailed = (error) => {
        failure ??= error;
      };
      leg.negotiate(negotiated({ ...peer, rtcpPort: 4001 }, options));
      return leg;
    };
    const mux = chance(random, 0.5);
    const leg = await create({ rtcpMux: mux, rtcpXr: { voipMetrics: true, receiverRtt: true } });
    const other = await create(chance(random, 0.5) ? { codec: pcma } : {});
    const bridge = media.createBridge({ transcode: true });
    bridge.add(leg);
    bridge.add(other);
    const reader = leg.reader({ sampleRate: 16_000 });
    const recording = leg.record(new Writable({ write: (_chunk, _encoding, done) => done() }));
    recording.done.catch(() => {});
    let { ssrc } = (await leg.stats()).sent;
    const mutants = new Mutants(random, () => ssrc);
    for (; message < messages && failure === undefined; message++) {
      const isRtp = chance(random, 0.8);
      input = isRtp ? mutants.rtp() : mutants.rtcp();
      const bytes = Uint8Array.from(input);
      watch(() => checkReaders(bytes));
      const port = chance(random, 0.95) && (isRtp || mux) ? leg.port : leg.rtcpPort;
      watch(() => host.deliver(port, bytes, pick(random, places)));
      if (!chance(random, 0.3)) continue;
      await clock.advance(chance(random, 0.02) ? between(random, 0, 5000) : 20);
      if (message % 50 === 0) ({ ssrc } = (await leg.stats()).sent);
    }
    input = new Uint8Array(0);
    if (failure !== undefined) throw failure;

    // After all this a peer that does as it should is heard.
    leg.negotiate(negotiated({ ...peer, rtcpPort: 4001 }));
    const before = (await leg.stats()).received.packets;
    for (let n = 0; n < 20; n++) {
      const bytes = new Uint8Array(172);
      writeRtpHeader(bytes, 0, 0, n === 0, n, n * 160, 1234);
      host.deliver(leg.port, bytes, peer);
      await clock.advance(20);
    }
    const { packets, jitterBuffer } = (await leg.stats()).received;
    if (packets - before < 20) throw new Error('a good stream is not heard any more');
    if ((jitterBuffer?.delayMs ?? 0) > 1000) throw new Error('audio is kept for longer than a second');
    reader.close();
    await recording.close();
    await Promise.all([leg.close(), other.close()]);
    const { legs, recordings, sockets, timers } = await media.counts();
    if (legs + recordings + sockets + timers > 0) throw new Error('something is left of a leg that is closed');
    return { messages, received: packets };
  } catch (error) {
    throw new FuzzFinding(seed, message, input, failure ?? error);
  } finally {
    await media.close();
  }
}
