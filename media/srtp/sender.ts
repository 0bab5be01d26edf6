/**
 * Protects what one side sends (RFC 3711 §3.3). An index is used once: two packets under one would give
 * away what both say, and with GCM the key of the tags, too.
 */
import { readUint32 } from '../rtp/packet.ts';
import type { SrtpCipher } from './cipher.ts';
import { createCipher, maxRtcpIndex, maxRtpPackets, maxSources, rtpHeaderLength } from './ciphers.ts';
import {
  createIndexState,
  findStream,
  type IndexState,
  indexOf,
  isFresh,
  markSeen,
  rocOf,
  sequenceOf,
  skipIndices,
} from './packet-index.ts';
import { type SrtpMasterKey, type SrtpProfile, srtpProfiles } from './profiles.ts';

/** Plain data: part of a leg's snapshot. */
export interface SrtpSenderState {
  readonly profile: SrtpProfile;
  readonly key: SrtpMasterKey;
  /** RTP packets under this key. */
  packets: number;
  readonly rtp: IndexState[];
  readonly rtcp: IndexState[];
}

export class SrtpSender {
  readonly state: SrtpSenderState;
  readonly #cipher: SrtpCipher;
  readonly #mki: Uint8Array;
  readonly #lifetime: number;
  readonly #rtpGrowth: number;
  readonly #rtcpGrowth: number;
  #rtp: IndexState | undefined;
  /** How much of the buffer that was returned last is the packet. */
  length = 0;

  constructor(state: SrtpSenderState) {
    const { profile, key } = state;
    this.state = state;
    this.#cipher = createCipher(profile, key);
    this.#mki = Buffer.from(key.mki, 'hex');
    this.#lifetime = Math.min(key.lifetime ?? maxRtpPackets, maxRtpPackets);
    this.#rtpGrowth = srtpProfiles[profile].rtpTag + this.#mki.length;
    this.#rtcpGrowth = srtpProfiles[profile].rtcpTag + this.#mki.length + 4;
    this.#rtp = state.rtp[0];
  }

  static create(profile: SrtpProfile, key: SrtpMasterKey): SrtpSender {
    return new SrtpSender({ profile, key, packets: 0, rtp: [], rtcp: [] });
  }

  /** The key has served its time (RFC 3711 §9.2): nothing is sent with it any more. */
  get expired(): boolean {
    return this.state.packets >= this.#lifetime;
  }

  /** @returns a buffer of its own that begins with `length` bytes of SRTP; undefined when it must not be sent */
  rtp(buffer: Uint8Array, offset: number, length: number): Uint8Array | undefined {
    const header = rtpHeaderLength(buffer, offset, length);
    if (header === 0 || this.expired) return undefined;
    const ssrc = readUint32(buffer, offset + 8);
    const sequence = (buffer[offset + 2]! << 8) | buffer[offset + 3]!;
    let stream = this.#rtp;
    if (stream?.ssrc !== ssrc) stream = findStream(this.state.rtp, ssrc);
    const index = stream ? indexOf(stream.highest, sequence) : sequence;
    if (index < 0 || index >= maxRtpPackets) return undefined;
    if (stream) {
      if (!isFresh(stream, index)) return undefined;
      markSeen(stream, index);
    } else {
      if (this.state.rtp.length >= maxSources) return undefined;
      stream = createIndexState(ssrc, index);
      this.state.rtp.push(stream);
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
    const stream = findStream(this.state.rtcp, ssrc);
    const index = (stream?.highest ?? 0) + 1;
    if (index > maxRtcpIndex) return undefined;
    if (stream) markSeen(stream, index);
    else {
      if (this.state.rtcp.length >= maxSources) return undefined;
      this.state.rtcp.push(createIndexState(ssrc, index));
    }
    this.length = length + this.#rtcpGrowth;
    return this.#cipher.sealRtcp(buffer, offset, length, ssrc, index, this.#mki);
  }

  /** Leaves out indices that may have been used since its state was taken. */
  skip(packets: number, reports: number): void {
    this.state.packets += packets;
    for (const stream of this.state.rtp) skipIndices(stream, packets);
    for (const stream of this.state.rtcp) skipIndices(stream, reports);
  }
}
