/** AES in Galois/counter mode (RFC 7714): a cipher per packet, since Node's has no other way to a new IV. */
import { type CipherGCMTypes, createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { readUint32, writeUint32 } from '../rtp/packet.ts';
import { encryptedFlag, rtcpHeaderBytes, type SrtpCipher } from './cipher.ts';
import { type SessionKeys, sessionKeys } from './derive.ts';
import type { SrtpMasterKey, SrtpProfile } from './profiles.ts';

const tagBytes = 16;
const options = { authTagLength: tagBytes } as const;

export class GcmCipher implements SrtpCipher {
  readonly #algorithm: CipherGCMTypes;
  readonly #rtp: Half;
  readonly #rtcp: Half;
  /** The readable part of RTCP and its index: what is authenticated beside the ciphertext (RFC 7714 §9.2). */
  readonly #rtcpData = new Uint8Array(rtcpHeaderBytes + 4);

  constructor(profile: SrtpProfile, master: SrtpMasterKey) {
    this.#algorithm = profile === 'AEAD_AES_256_GCM' ? 'aes-256-gcm' : 'aes-128-gcm';
    const { rtp, rtcp } = sessionKeys(profile, master);
    this.#rtp = half(rtp);
    this.#rtcp = half(rtcp);
  }

  sealRtp(
    buffer: Uint8Array,
    offset: number,
    length: number,
    header: number,
    ssrc: number,
    roc: number,
    sequence: number,
    mki: Uint8Array,
  ): Uint8Array {
    const out = Buffer.allocUnsafe(length + tagBytes + mki.length);
    const readable = buffer.subarray(offset, offset + header);
    out.set(readable);
    this.#seal(out, this.#rtp, rtpIv(this.#rtp, ssrc, roc, sequence), readable, buffer, offset, length, header);
    out.set(mki, length + tagBytes);
    return out;
  }

  openRtp(
    buffer: Uint8Array,
    offset: number,
    length: number,
    header: number,
    ssrc: number,
    roc: number,
    sequence: number,
    mkiBytes: number,
  ): number {
    const end = length - mkiBytes - tagBytes;
    const iv = rtpIv(this.#rtp, ssrc, roc, sequence);
    const readable = buffer.subarray(offset, offset + header);
    return this.#open(this.#rtp, iv, readable, buffer, offset, header, end) ? end : 0;
  }

  sealRtcp(
    buffer: Uint8Array,
    offset: number,
    length: number,
    ssrc: number,
    index: number,
    mki: Uint8Array,
  ): Uint8Array {
    const out = Buffer.allocUnsafe(length + tagBytes + 4 + mki.length);
    const data = this.#dataOf(buffer, offset, index);
    out.set(data.subarray(0, rtcpHeaderBytes));
    this.#seal(out, this.#rtcp, rtcpIv(this.#rtcp, ssrc, index), data, buffer, offset, length, rtcpHeaderBytes);
    out.set(data.subarray(rtcpHeaderBytes), length + tagBytes);
    out.set(mki, length + tagBytes + 4);
    return out;
  }

  openRtcp(buffer: Uint8Array, offset: number, length: number, ssrc: number, index: number, mkiBytes: number): number {
    const end = length - mkiBytes - 4 - tagBytes;
    const iv = rtcpIv(this.#rtcp, ssrc, index);
    const data = this.#dataOf(buffer, offset, index);
    return this.#open(this.#rtcp, iv, data, buffer, offset, rtcpHeaderBytes, end) ? end : 0;
  }

  #dataOf(buffer: Uint8Array, offset: number, index: number): Uint8Array {
    const data = this.#rtcpData;
    data.set(buffer.subarray(offset, offset + rtcpHeaderBytes));
    writeUint32(data, rtcpHeaderBytes, (index | encryptedFlag) >>> 0);
    return data;
  }

  /** Encrypts what lies behind the readable part, and puts the tag behind it. */
  #seal(
    out: Uint8Array,
    { key }: Half,
    iv: Uint8Array,
    data: Uint8Array,
    buffer: Uint8Array,
    offset: number,
    length: number,
    header: number,
  ): void {
    const cipher = createCipheriv(this.#algorithm, key, iv, options);
    cipher.setAAD(data);
    out.set(cipher.update(buffer.subarray(offset + header, offset + length)), header);
    cipher.final();
    out.set(cipher.getAuthTag(), length);
  }

  #open(
    { key }: Half,
    iv: Uint8Array,
    data: Uint8Array,
    buffer: Uint8Array,
    offset: number,
    header: number,
    end: number,
  ): boolean {
    const decipher = createDecipheriv(this.#algorithm, key, iv, options);
    decipher.setAAD(data);
    decipher.setAuthTag(buffer.subarray(offset + end, offset + end + tagBytes));
    const clear = decipher.update(buffer.subarray(offset + header, offset + end));
    try {
      decipher.final();
    } catch {
      return false;
    }
    buffer.set(clear, offset + header);
    return true;
  }
}

interface Half {
  readonly key: KeyObject;
  readonly salt: Uint8Array;
  readonly iv: Uint8Array;
}

function half({ encryption, salt }: SessionKeys): Half {
  return { key: encryption, salt, iv: new Uint8Array(12) };
}

/** RFC 7714 §8.1: two zero octets, SSRC, ROC and sequence number, under the salt. */
function rtpIv({ salt, iv }: Half, ssrc: number, roc: number, sequence: number): Uint8Array {
  iv.set(salt);
  writeUint32(iv, 2, (readUint32(salt, 2) ^ ssrc) >>> 0);
  writeUint32(iv, 6, (readUint32(salt, 6) ^ roc) >>> 0);
  iv[10] = salt[10]! ^ (sequence >> 8);
  iv[11] = salt[11]! ^ (sequence & 0xff);
  return iv;
}

/** RFC 7714 §9.1: two zero octets, SSRC, two zero octets and the index, under the salt. */
function rtcpIv({ salt, iv }: Half, ssrc: number, index: number): Uint8Array {
  iv.set(salt);
  writeUint32(iv, 2, (readUint32(salt, 2) ^ ssrc) >>> 0);
  writeUint32(iv, 8, (readUint32(salt, 8) ^ index) >>> 0);
  return iv;
}
