/** Checks and decrypts what the other side sends (RFC 3711 §3.3). What fails leaves no trace but a count. */
import { readUint32 } from '../rtp/packet.ts';
import { encryptedFlag, rtcpHeaderBytes, type SrtpCipher } from './cipher.ts';
import { createCipher, maxRtpPackets, maxSources, rtpHeaderLength } from './ciphers.ts';
import {
  createIndexState,
  findStream,
  type IndexState,
  indexOf,
  isFresh,
  markSeen,
  rocOf,
  sequenceOf,
} from './packet-index.ts';
import { type SrtpMasterKey, type SrtpProfile, srtpProfiles } from './profiles.ts';

/** Why a packet was not taken. */
export type SrtpFailure =
  | 'malformed' // no RTP, too short, RTCP that is not encrypted
  | 'authentication' // the tag is wrong, or the MKI names a key that we do not have
  | 'replay' // it was there already, or is too old to tell
  | 'expired' // the key has served its time (RFC 3711 §9.2)
  | 'sources'; // more SSRCs than a call has

/** Plain data: part of a leg's snapshot. */
export interface SrtpReceiverState {
  readonly profile: SrtpProfile;
  readonly keys: readonly SrtpMasterKey[];
  /** RTP packets under each key. */
  readonly packets: number[];
  readonly rtp: IndexState[];
  readonly rtcp: IndexState[];
  /** Where streams stood under the keys before: a peer may go on counting from there, or begin anew. */
  readonly before: readonly { readonly ssrc: number; readonly highest: number }[];
}

interface Key {
  readonly at: number;
  readonly mki: Uint8Array;
  readonly cipher: SrtpCipher;
  readonly lifetime: number;
}

export class SrtpReceiver {
  readonly state: SrtpReceiverState;
  readonly #keys: readonly Key[];
  readonly #mkiBytes: number;
  readonly #rtpTag: number;
  readonly #rtcpTag: number;
  readonly #tagIsLast: boolean;
  #rtp: IndexState | undefined;
  #failure: SrtpFailure = 'malformed';

  /** @param state of at least one key; MKIs are all of the same length */
  constructor(state: SrtpReceiverState) {
    const { profile, keys } = state;
    this.state = state;
    this.#keys = keys.map((key, at) => ({
      at,
      mki: Buffer.from(key.mki, 'hex'),
      cipher: createCipher(profile, key),
      lifetime: Math.min(key.lifetime ?? maxRtpPackets, maxRtpPackets),
    }));
    this.#mkiBytes = this.#keys[0]?.mki.length ?? 0;
    const { rtpTag, rtcpTag, mode } = srtpProfiles[profile];
    this.#rtpTag = rtpTag;
    this.#rtcpTag = rtcpTag;
    this.#tagIsLast = mode === 'cm';
    this.#rtp = state.rtp[0];
  }

  /** @param before the context of the same peer's keys before */
  static create(profile: SrtpProfile, keys: readonly SrtpMasterKey[], before?: SrtpReceiver): SrtpReceiver {
    return new SrtpReceiver({
      profile,
      keys,
      packets: keys.map(() => 0),
      rtp: [],
      rtcp: [],
      before: before?.state.rtp.map(({ ssrc, highest }) => ({ ssrc, highest })) ?? [],
    });
  }

  /** Why the last packet was not taken. */
  get failure(): SrtpFailure {
    return this.#failure;
  }

  /** Decrypts in place. @returns the length of the RTP packet; 0, and nothing has changed, when it is not to be taken */
  rtp(buffer: Uint8Array, offset: number, length: number): number {
    const header = rtpHeaderLength(buffer, offset, length);
    if (header === 0 || length < header + this.#rtpTag + this.#mkiBytes) return this.#refuse('malformed');
    const key = this.#keyOf(buffer, offset, length, this.#rtpTag);
    if (!key) return this.#refuse('authentication');
    if (this.state.packets[key.at]! >= key.lifetime) return this.#refuse('expired');
    const ssrc = readUint32(buffer, offset + 8);
    const sequence = (buffer[offset + 2]! << 8) | buffer[offset + 3]!;
    const stream = this.#rtp?.ssrc === ssrc ? this.#rtp : findStream(this.state.rtp, ssrc);
    if (!stream) return this.#first(key, buffer, offset, length, header, ssrc, sequence);
    const index = indexOf(stream.highest, sequence);
    if (index < 0 || index >= maxRtpPackets || !isFresh(stream, index)) return this.#refuse('replay');
    const clear = this.#open(key, buffer, offset, length, header, ssrc, index);
    if (clear === 0) return this.#refuse('authentication');
    markSeen(stream, index);
    this.#rtp = stream;
    return clear;
  }

  #first(
    key: Key,
    buffer: Uint8Array,
    offset: number,
    length: number,
    header: number,
    ssrc: number,
    sequence: number,
  ): number {
    if (this.state.rtp.length >= maxSources) return this.#refuse('sources');
    let index = sequence;
    let clear = this.#open(key, buffer, offset, length, header, ssrc, index);
    const before = clear === 0 && findStream(this.state.before, ssrc);
    if (before) {
      index = Math.max(0, indexOf(before.highest, sequence));
      clear = this.#open(key, buffer, offset, length, header, ssrc, index);
    }
    if (clear === 0) return this.#refuse('authentication');
    this.#rtp = createIndexState(ssrc, index);
    this.state.rtp.push(this.#rtp);
    return clear;
  }

  #open(
    key: Key,
    buffer: Uint8Array,
    offset: number,
    length: number,
    header: number,
    ssrc: number,
    index: number,
  ): number {
    const roc = rocOf(index);
    const clear = key.cipher.openRtp(buffer, offset, length, header, ssrc, roc, sequenceOf(index), this.#mkiBytes);
    if (clear > 0) this.state.packets[key.at] = this.state.packets[key.at]! + 1;
    return clear;
  }

  /** As `rtp`, for a compound of RTCP. */
  rtcp(buffer: Uint8Array, offset: number, length: number): number {
    const tag = this.#rtcpTag;
    if (length < rtcpHeaderBytes + 4 + tag + this.#mkiBytes || buffer[offset]! >> 6 !== 2)
      return this.#refuse('malformed');
    const at = length - this.#mkiBytes - 4 - (this.#tagIsLast ? tag : 0);
    const word = readUint32(buffer, offset + at);
    // UNENCRYPTED_SRTCP is never agreed on.
    if (word < encryptedFlag) return this.#refuse('malformed');
    const index = word - encryptedFlag;
    const key = this.#keyOf(buffer, offset, length, tag);
    if (!key) return this.#refuse('authentication');
    const ssrc = readUint32(buffer, offset + 4);
    const stream = findStream(this.state.rtcp, ssrc);
    if (stream ? !isFresh(stream, index) : this.state.rtcp.length >= maxSources)
      return this.#refuse(stream ? 'replay' : 'sources');
    const clear = key.cipher.openRtcp(buffer, offset, length, ssrc, index, this.#mkiBytes);
    if (clear === 0) return this.#refuse('authentication');
    if (stream) markSeen(stream, index);
    else this.state.rtcp.push(createIndexState(ssrc, index));
    return clear;
  }

  /** RFC 3711 §8.1.2: the key whose identifier the packet carries. */
  #keyOf(buffer: Uint8Array, offset: number, length: number, tag: number): Key | undefined {
    const bytes = this.#mkiBytes;
    if (bytes === 0) return this.#keys[0];
    const at = offset + length - bytes - (this.#tagIsLast ? tag : 0);
    next: for (const key of this.#keys) {
      for (let i = 0; i < bytes; i++) if (key.mki[i] !== buffer[at + i]) continue next;
      return key;
    }
    return undefined;
  }

  #refuse(failure: SrtpFailure): number {
    this.#failure = failure;
    return 0;
  }
}
