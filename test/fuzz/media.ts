/**
 * One seed of the fuzz of what comes by UDP to a media leg: RTP, RTCP, both under SRTP, or STUN and its like on the port
 * of RTP; as they should be and spoilt, from whoever it may be; to legs that are bridged, converted, recorded and listened
 * to. It all goes the way of a datagram from the socket on.
 */
import { Writable } from 'node:stream';
import { Media, type MediaLeg, type NegotiatedAudio, type SrtpParameters } from '../../media/index.ts';
import { readRtp, rtpView, writeRtpHeader } from '../../media/rtp/packet.ts';
import { readRtcp } from '../../media/rtp/rtcp.ts';
import type { SrtpMasterKey } from '../../media/srtp/profiles.ts';
import { newMasterKey, type SrtpProfile, srtpProfiles } from '../../media/srtp/profiles.ts';
import { SrtpSender } from '../../media/srtp/sender.ts';
import type { Random } from '../../src/base/random.ts';
import { between, chance, FakeClock, LabNetwork, MemoryFiles, pick, seededRandom } from '../../src/testing/index.ts';
import { machine } from '../media/support/open-media.ts';
import { negotiated, pcma } from '../media/support/phone.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';
import { Packets, spoil } from './packets.ts';

export const mediaTargets = ['rtp', 'rtcp', 'srtp', 'stun'] as const;
export type MediaTarget = (typeof mediaTargets)[number];

export interface MediaFuzzReport {
  readonly messages: number;
  /** Packets that counted, and compounds of RTCP that did. */
  readonly received: number;
  readonly reports: number;
}

interface Datagram {
  readonly bytes: Uint8Array;
  readonly rtcp: boolean;
}

const peer = { address: '10.0.0.1', port: 4000 };
const places = [peer, peer, peer, { address: '10.0.0.1', port: 4001 }, { address: '192.0.2.66', port: 6666 }];
const profiles = Object.keys(srtpProfiles) as SrtpProfile[];

const sometimes = (bytes: Uint8Array, share: number, random: Random): Uint8Array =>
  chance(random, share) ? spoil(bytes, random) : bytes;

/** What a peer sends that may have the right keys, and does not mean well. */
class Protection {
  readonly parameters: SrtpParameters;
  /** RTP that was protected with the right key: so many packets may count. */
  sealed = 0;
  readonly #random: Random;
  readonly #right: SrtpSender;
  readonly #wrong: SrtpSender;
  #before: Datagram | undefined;

  constructor(random: Random) {
    const profile = pick(random, profiles);
    const mki = pick(random, ['', 'abcd']);
    const key = (): SrtpMasterKey => ({ inline: newMasterKey(profile, random), mki, lifetime: undefined });
    const remote = key();
    this.#random = random;
    this.parameters = { profile, local: key(), remote: [remote] };
    this.#right = SrtpSender.create(profile, remote);
    this.#wrong = SrtpSender.create(profile, key());
  }

  /** As the sender would have it; as it is where that refuses it. */
  seal({ bytes, rtcp }: Datagram, sender = this.#right): Uint8Array {
    const sealed = sender[rtcp ? 'rtcp' : 'rtp'](bytes, 0, bytes.length);
    if (!sealed) return bytes;
    if (!rtcp && sender === this.#right) this.sealed++;
    return Uint8Array.from(sealed.subarray(0, sender.length));
  }

  /** Hostile content under the right key, spoilt since, a copy, in the clear, or under a wrong key. */
  treat({ bytes, rtcp }: Datagram): Datagram {
    const random = this.#random;
    const how = between(random, 0, 19);
    if (how === 0) return { bytes, rtcp };
    if (how === 1) return { bytes: this.seal({ bytes, rtcp }, this.#wrong), rtcp };
    if (how === 2 && this.#before) return this.#before;
    const sealed = this.seal({ bytes: sometimes(bytes, 0.4, random), rtcp });
    this.#before = { bytes: sometimes(sealed, 0.3, random), rtcp };
    return this.#before;
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
  target: MediaTarget,
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<MediaFuzzReport> {
  const random = seededRandom(seed, target);
  const clock = new FakeClock();
  const network = new LabNetwork(clock, seed);
  const host = network.host('media', '10.0.0.9');
  let failure: unknown;
  network.onSight = ({ bytes }) => {
    if (bytes[0]! >> 6 !== 2) failure ??= new Error('what was sent is neither RTP nor RTCP');
  };
  const media = new Media(
    { rtpPorts: { min: 20_000, max: 20_099 }, workers: 0, rtpTimeout: 3000, rtcpInterval: 500 },
    { ...machine, clock, files: new MemoryFiles(clock), udp: host.rtp, random: seededRandom(seed) },
  );
  let input: Uint8Array = new Uint8Array(0);
  let message = 0;
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
    const rtcpMux = chance(random, 0.5);
    const protection = target === 'srtp' ? new Protection(random) : undefined;
    const secure = (by: Protection | undefined) => (by ? { srtp: by.parameters } : {});
    const leg = await create({
      rtcpMux,
      rtcpXr: { voipMetrics: true, receiverRtt: true },
      ...secure(protection),
    });
    const other = await create(chance(random, 0.5) ? { codec: pcma } : {});
    const bridge = media.createBridge({ transcode: true });
    bridge.add(leg);
    bridge.add(other);
    const reader = leg.reader({ sampleRate: 16_000 });
    const recording = leg.record(new Writable({ write: (_chunk, _encoding, done) => done() }));
    recording.done.catch(() => {});
    let { ssrc } = (await leg.stats()).sent;
    const packets = new Packets(random, () => ssrc);

    /** RTP of a peer that does as it should, between what it does not. */
    let good = 0;
    const speak = (): void => {
      good++;
      host.deliver(leg.port, packets.goodRtp(), peer);
    };
    const next = (): Datagram => {
      switch (target) {
        case 'rtp':
          return { bytes: sometimes(packets.rtp(), 0.4, random), rtcp: false };
        case 'rtcp':
          if (chance(random, 0.3)) speak();
          return { bytes: sometimes(packets.rtcp(), 0.7, random), rtcp: true };
        case 'srtp': {
          const rtcp = chance(random, 0.3);
          return protection!.treat({ bytes: rtcp ? packets.rtcp() : packets.rtp(), rtcp });
        }
        case 'stun': {
          if (chance(random, 0.3)) speak();
          const bytes = sometimes(packets.beside(), 0.6, random);
          // RFC 7983 §7: 128 to 191 is RTP and RTCP, which the other targets are for.
          if (bytes[0]! >> 6 === 2) bytes[0] = bytes[0]! & 0x7f;
          return { bytes, rtcp: false };
        }
      }
    };
    for (; message < messages && failure === undefined; message++) {
      const { bytes, rtcp } = next();
      input = Uint8Array.from(bytes);
      watch(() => checkReaders(input));
      const usual = rtcp && !rtcpMux ? leg.rtcpPort : leg.port;
      const port = chance(random, 0.95) ? usual : leg.rtcpPort;
      watch(() => host.deliver(port, Uint8Array.from(input), pick(random, places)));
      if (!chance(random, 0.3)) continue;
      await clock.advance(chance(random, 0.02) ? between(random, 0, 5000) : 20);
      if (message % 50 === 0) ({ ssrc } = (await leg.stats()).sent);
    }
    input = new Uint8Array(0);
    if (failure !== undefined) throw failure;
    const { received, rtcp } = await leg.stats();
    if (protection && received.packets > protection.sealed) throw new Error('a packet counts that nobody protected');
    if (target === 'stun' && received.packets !== good)
      throw new Error(`${received.packets} packets count of ${good} that are RTP`);

    // After all this a peer that does as it should is heard.
    const renewed = protection && new Protection(random);
    leg.negotiate(negotiated({ ...peer, rtcpPort: 4001 }, secure(renewed)));
    await clock.advance(0);
    for (let n = 0; n < 20; n++) {
      const bytes = new Uint8Array(172);
      writeRtpHeader(bytes, 0, 0, n === 0, n, n * 160, 1234);
      host.deliver(leg.port, renewed ? renewed.seal({ bytes, rtcp: false }) : bytes, peer);
      await clock.advance(20);
    }
    const { packets: after, jitterBuffer } = (await leg.stats()).received;
    if (after - received.packets < 20) throw new Error('a good stream is not heard any more');
    if ((jitterBuffer?.delayMs ?? 0) > 1000) throw new Error('audio is kept for longer than a second');
    reader.close();
    await recording.close();
    await Promise.all([leg.close(), other.close()]);
    const { legs, recordings, sockets, timers } = await media.counts();
    if (legs + recordings + sockets + timers > 0) throw new Error('something is left of a leg that is closed');
    return { messages, received: after, reports: rtcp.received };
  } catch (error) {
    throw new FuzzFinding(seed, message, input, failure ?? error);
  } finally {
    await media.close();
  }
}
