/**
 * Protects what one side sends (RFC 3711 §3.3). An index is used once: two packets under one would give
 * away what both say, and with GCM the key of the tags, too.
 */
import { readUint32 } from '../rtp/packet.ts';
import type { SrtpCipher } from './cipher.ts';
import { createCipher, maxRtcpIndex, maxRtpPackets, maxSources, rtpHeaderLength } from './ciphers.ts';
import { createIndexState, indexOf, isFresh, markSeen, rocOf, sequenceOf } from './packet-index.ts';
import { type SrtpMasterKey, type SrtpProfile, srtpProfiles } from './profiles.ts';
import { type SentState, SentStream } from './sent-stream.ts';

/** Plain data: part of a leg's snapshot. */
export interface SrtpSenderState {
  readonly profile: SrtpProfile;
  readonly key: SrtpMasterKey;
  /** RTP packets under this key. */
  packets: number;
  readonly rtp: SentState[];
  readonly rtcp: SentState[];
}

export class SrtpSender {
  readonly state: SrtpSenderState;
  readonly #cipher: SrtpCipher;
  readonly #mki: Uint8Array;
  readonly #lifetime: number;
  readonly #rtpGrowth: number;
  readonly #rtcpGrowth: number;
  readonly #streams: SentStream[];
  readonly #reports: SentStream[];
  #rtp: SentStream | undefined;
  /** The state whose marks are not safe yet. */
  #waitsFor: number | undefined;
  /** How much of the buffer that was returned last is the packet. */
  length = 0;
  /** Soon there will be no index left that may be used. */
  onLow: () => void = () => {};

  constructor(state: SrtpSenderState) {
    const { profile, key } = state;
    this.state = state;
    this.#cipher = createCipher(profile, key);
    this.#mki = Buffer.from(key.mki, 'hex');
    this.#lifetime = Math.min(key.lifetime ?? maxRtpPackets, maxRtpPackets);
    this.#rtpGrowth = srtpProfiles[profile].rtpTag + this.#mki.length;
    this.#rtcpGrowth = srtpProfiles[profile].rtcpTag + this.#mki.length + 4;
    this.#streams = state.rtp.map((stream) => new SentStream(stream));
    this.#reports = state.rtcp.map((stream) => new SentStream(stream));
    this.#rtp = this.#streams[0];
  }

  static create(profile: SrtpProfile, key: SrtpMasterKey): SrtpSender {
    return new SrtpSender({ profile, key, packets: 0, rtp: [], rtcp: [] });
  }

  /** The key has served its time (RFC 3711 §9.2): nothing is sent with it any more. */
  get expired(): boolean {
    return this.state.packets >= this.#lifetime;
  }

  /** No RTP is sent until a new mark is safe. */
  get full(): boolean {
    return this.#rtp?.full ?? false;
  }

  /** A mark that was told is not safe yet. */
  get waits(): boolean {
    return this.#waitsFor !== undefined;
  }

  /** @returns a buffer of its own that begins with `length` bytes of SRTP; undefined when it must not be sent */
  rtp(buffer: Uint8Array, offset: number, length: number): Uint8Array | undefined {
    const header = rtpHeaderLength(buffer, offset, length);
    if (header === 0 || this.expired) return undefined;
    const ssrc = readUint32(buffer, offset + 8);
    const sequence = (buffer[offset + 2]! << 8) | buffer[offset + 3]!;
    let stream = this.#rtp;
    if (stream?.state.ssrc !== ssrc) stream = find(this.#streams, ssrc);
    const index = stream ? indexOf(stream.state.highest, sequence) : sequence;
    if (index < 0 || index >= maxRtpPackets) return undefined;
    if (stream) {
      if (index >= stream.low) this.#low(stream);
      if (index >= stream.limit) {
        stream.refused(index);
        return undefined;
      }
      if (!isFresh(stream.state, index)) return undefined;
      markSeen(stream.state, index);
    } else {
      if (this.#streams.length >= maxSources) return undefined;
      stream = this.#add(this.#streams, this.state.rtp, createIndexState(ssrc, index));
    }
    this.#rtp = stream;
    this.state.packets++;
    this.length = length + this.#rtpGrowth;
    return this.#cipher.sealRtp(buffer, offset, length, header, ssrc, rocOf(index), sequenceOf(index), this.#mki);
  }

  /** As `rtp`, for a compound of RTCP. */
  rtcp(buffer: Uint8Array, offset: number, length: number): Uint8Array | undefined {
    if (length < 8) return undefined;
    const ssrc = readUint32(buffer, offset + 4);
    const stream = find(this.#reports, ssrc);
    const index = (stream?.state.highest ?? 0) + 1;
    if (index > maxRtcpIndex) return undefined;
    if (stream) {
      if (index >= stream.low) this.#low(stream);
      if (index >= stream.limit) return undefined;
      markSeen(stream.state, index);
    } else {
      if (this.#reports.length >= maxSources) return undefined;
      this.#add(this.#reports, this.state.rtcp, createIndexState(ssrc, index));
    }
    this.length = length + this.#rtcpGrowth;
    return this.#cipher.sealRtcp(buffer, offset, length, ssrc, index, this.#mki);
  }

  #low(stream: SentStream): void {
    stream.low = Number.POSITIVE_INFINITY;
    this.onLow();
  }

  #add(streams: SentStream[], states: SentState[], state: SentState): SentStream {
    const stream = new SentStream(state);
    streams.push(stream);
    states.push(state);
    return stream;
  }

  /**
   * The state is about to be told: it gets the marks from which somebody else would go on.
   * @param serial of the state. @param ssrc of what is sent. @param sequence the number that is next
   */
  reserve(serial: number, ssrc: number, sequence: number): void {
    this.#rtp = this.#known(this.#streams, this.state.rtp, ssrc, sequence - 1);
    this.#known(this.#reports, this.state.rtcp, ssrc, 0);
    const waiting = this.waits;
    let asked = false;
    for (const stream of [...this.#streams, ...this.#reports]) asked = stream.reserve(waiting) || asked;
    if (asked) this.#waitsFor = serial;
  }

  /** A stream of which nothing was sent is in the state, too. @param before index before its first */
  #known(streams: SentStream[], states: SentState[], ssrc: number, before: number): SentStream | undefined {
    const stream = find(streams, ssrc);
    if (stream || streams.length >= maxSources) return stream;
    return this.#add(streams, states, createIndexState(ssrc, before));
  }

  /** The state of this serial is safe, and with it its marks. */
  stored(serial: number): void {
    if (this.#waitsFor === undefined || serial < this.#waitsFor) return;
    this.#waitsFor = undefined;
    for (const stream of [...this.#streams, ...this.#reports]) stream.safe();
  }

  /** Nothing is sent before a state of it is safe. @param ssrc, sequence as of `reserve` */
  hold(ssrc: number, sequence: number): void {
    this.#rtp = this.#known(this.#streams, this.state.rtp, ssrc, sequence - 1);
    this.#known(this.#reports, this.state.rtcp, ssrc, 0);
    for (const stream of [...this.#streams, ...this.#reports]) stream.hold();
  }

  /**
   * Leaves out indices that may have been used since its state was taken: up to the mark, where it has one.
   * @param packets, reports a guess for where it has none. @param ssrc of what is sent
   * @returns how many were left out of what is sent
   */
  leaveOut(packets: number, reports: number, ssrc: number): number {
    let leftOut = packets;
    for (const stream of this.#streams) {
      const count = stream.leaveOut(packets);
      this.state.packets += count;
      if (stream.state.ssrc === ssrc) leftOut = count;
    }
    for (const stream of this.#reports) stream.leaveOut(reports);
    return leftOut;
  }
}

function find(streams: readonly SentStream[], ssrc: number): SentStream | undefined {
  for (const stream of streams) if (stream.state.ssrc === ssrc) return stream;
  return undefined;
}
