/** SRTP written from RFC 3711 for the test phones: AES_CM_128_HMAC_SHA1_80 with keys in SDP (RFC 4568). */
import { createCipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const tagLength = 10;

interface Keys {
  readonly cipher: Buffer;
  readonly salt: Buffer;
  readonly auth: Buffer;
}

export interface OpenedPacket {
  /** Without its tag, decrypted. */
  readonly packet: Buffer;
  /** 48 bits: roll-over counter and sequence number. */
  readonly index: number;
}

export class RawSrtp {
  /** For the SDP of the phone. */
  readonly crypto: string;
  readonly #own: Keys;
  #theirs: Keys | undefined;
  #sent = -1;
  /** The highest index by SSRC. */
  readonly #highest = new Map<number, number>();

  constructor() {
    const master = randomBytes(30);
    this.crypto = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${master.toString('base64')}`;
    this.#own = keysOf(master);
  }

  /** Takes the key of the other side from its SDP. */
  learn(sdp: string): void {
    const master = /^a=crypto:\d+ AES_CM_128_HMAC_SHA1_80 inline:([A-Za-z0-9+/=]+)/m.exec(sdp)?.[1];
    if (master) this.#theirs = keysOf(Buffer.from(master, 'base64'));
  }

  protect(packet: Buffer): Buffer {
    const index = nearest(this.#sent, packet.readUInt16BE(2));
    this.#sent = Math.max(this.#sent, index);
    const crypted = Buffer.concat([packet.subarray(0, 12), crypt(this.#own, packet, index)]);
    return Buffer.concat([crypted, tagOf(this.#own, crypted, index)]);
  }

  /** @returns undefined for what does not authenticate */
  open(data: Buffer): OpenedPacket | undefined {
    if (!this.#theirs || data.length < 12 + tagLength) return undefined;
    const packet = data.subarray(0, -tagLength);
    const ssrc = packet.readUInt32BE(8);
    const index = nearest(this.#highest.get(ssrc) ?? -1, packet.readUInt16BE(2));
    if (!timingSafeEqual(tagOf(this.#theirs, packet, index), data.subarray(-tagLength))) return undefined;
    this.#highest.set(ssrc, Math.max(index, this.#highest.get(ssrc) ?? -1));
    return { packet: Buffer.concat([packet.subarray(0, 12), crypt(this.#theirs, packet, index)]), index };
  }
}

/** RFC 3711 §3.3.1: the index with this sequence number that is nearest to the highest one so far. */
export function nearest(highest: number, sequence: number): number {
  if (highest < 0) return sequence;
  const base = highest - (highest % 65_536) + sequence;
  if (base > highest + 32_768 && base >= 65_536) return base - 65_536;
  return base < highest - 32_768 ? base + 65_536 : base;
}

/** RFC 3711 §4.3.1, with a key derivation rate of 0. */
function keysOf(master: Buffer): Keys {
  const [key, salt] = [master.subarray(0, 16), master.subarray(16, 30)];
  const derive = (label: number, length: number): Buffer => {
    const iv = Buffer.alloc(16);
    salt.copy(iv);
    iv.writeUInt8(iv.readUInt8(7) ^ label, 7);
    return createCipheriv('aes-128-ctr', key, iv).update(Buffer.alloc(length));
  };
  return { cipher: derive(0, 16), auth: derive(1, 20), salt: derive(2, 14) };
}

/** RFC 3711 §4.1.1: the payload, encrypted or decrypted. */
function crypt({ cipher, salt }: Keys, packet: Buffer, index: number): Buffer {
  const iv = Buffer.alloc(16);
  packet.copy(iv, 4, 8, 12);
  iv.writeUIntBE(index, 8, 6);
  for (const [at, byte] of salt.entries()) iv.writeUInt8(iv.readUInt8(at) ^ byte, at);
  return createCipheriv('aes-128-ctr', cipher, iv).update(packet.subarray(12));
}

/** RFC 3711 §4.2 */
function tagOf({ auth }: Keys, packet: Buffer, index: number): Buffer {
  const roc = Buffer.alloc(4);
  roc.writeUInt32BE(Math.floor(index / 65_536));
  return createHmac('sha1', auth).update(packet).update(roc).digest().subarray(0, tagLength);
}
