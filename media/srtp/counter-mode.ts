/** AES in counter mode with HMAC-SHA1 (RFC 3711 §4, RFC 6188). */
import { writeUint32 } from '../rtp/packet.ts';
import { encryptedFlag, rtcpHeaderBytes, type SrtpCipher } from './cipher.ts';
import { type SessionKeys, sessionKeys } from './derive.ts';
import { Keystream } from './keystream.ts';
import { type SrtpMasterKey, type SrtpProfile, srtpProfiles } from './profiles.ts';
import { HmacSha1 } from './sha1.ts';

export class CounterModeCipher implements SrtpCipher {
  readonly #rtp: Half;
  readonly #rtcp: Half;

  constructor(profile: SrtpProfile, master: SrtpMasterKey) {
    const { rtpTag, rtcpTag } = srtpProfiles[profile];
    const { rtp, rtcp } = sessionKeys(profile, master);
    this.#rtp = half(rtp, rtpTag);
    this.#rtcp = half(rtcp, rtcpTag);
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
    const { keystream, hmac, tag } = this.#rtp;
    const out = keystream.generate(ssrc, roc, sequence, length + mki.length + tag);
    encrypt(out, buffer, offset, length, header);
    out.set(mki, length);
    copyTag(hmac.digest(out, 0, length, roc), out, length + mki.length, tag);
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
    const { keystream, hmac, tag } = this.#rtp;
    const end = length - mkiBytes - tag;
    if (!sameTag(hmac.digest(buffer, offset, end, roc), buffer, offset + end + mkiBytes, tag)) return 0;
    decrypt(buffer, offset + header, end - header, keystream.generate(ssrc, roc, sequence, end - header));
    return end;
  }

  sealRtcp(
    buffer: Uint8Array,
    offset: number,
    length: number,
    ssrc: number,
    index: number,
    mki: Uint8Array,
  ): Uint8Array {
    const { keystream, hmac, tag } = this.#rtcp;
    const out = keystream.generate(ssrc, index >>> 16, index & 0xffff, length + 4 + mki.length + tag);
    encrypt(out, buffer, offset, length, rtcpHeaderBytes);
    writeUint32(out, length, (index | encryptedFlag) >>> 0);
    out.set(mki, length + 4);
    copyTag(hmac.digest(out, 0, length + 4, undefined), out, length + 4 + mki.length, tag);
    return out;
  }

  openRtcp(buffer: Uint8Array, offset: number, length: number, ssrc: number, index: number, mkiBytes: number): number {
    const { keystream, hmac, tag } = this.#rtcp;
    const end = length - mkiBytes - tag;
    if (!sameTag(hmac.digest(buffer, offset, end, undefined), buffer, offset + end + mkiBytes, tag)) return 0;
    const clear = end - 4 - rtcpHeaderBytes;
    decrypt(buffer, offset + rtcpHeaderBytes, clear, keystream.generate(ssrc, index >>> 16, index & 0xffff, clear));
    return end - 4;
  }
}

interface Half {
  readonly keystream: Keystream;
  readonly hmac: HmacSha1;
  /** Bytes of the tag. */
  readonly tag: number;
}

function half({ encryption, authentication, salt }: SessionKeys, tag: number): Half {
  return { keystream: new Keystream(encryption, salt), hmac: new HmacSha1(authentication), tag };
}

/** Turns the keystream in `out` into the packet: from its end on, since what is written lies behind what is read. */
function encrypt(out: Uint8Array, buffer: Uint8Array, offset: number, length: number, header: number): void {
  const payload = offset + header;
  for (let i = length - header - 1; i >= 0; i--) out[header + i] = out[i]! ^ buffer[payload + i]!;
  for (let i = 0; i < header; i++) out[i] = buffer[offset + i]!;
}

function decrypt(buffer: Uint8Array, at: number, length: number, keystream: Uint8Array): void {
  for (let i = 0; i < length; i++) buffer[at + i] = buffer[at + i]! ^ keystream[i]!;
}

function copyTag(digest: Uint8Array, out: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) out[at + i] = digest[i]!;
}

/** In the same time wherever they differ. */
function sameTag(digest: Uint8Array, buffer: Uint8Array, at: number, length: number): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= digest[i]! ^ buffer[at + i]!;
  return difference === 0;
}
