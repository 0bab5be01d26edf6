/** What comes by UDP to a media leg, as it should be and spoilt: RTP, RTCP, and what else shares a port with them (RFC 7983). */
import { crc32 } from 'node:zlib';
import { writeRtpHeader } from '../../media/rtp/packet.ts';
import { writeRtcp } from '../../media/rtp/rtcp.ts';
import type { XrBlocks } from '../../media/rtp/xr.ts';
import type { Random } from '../../src/base/random.ts';
import { between, chance, pick } from '../../src/testing/index.ts';

const hostile = [0, 1, 0x7f, 0x80, 0xff] as const;
const magicCookie = 0x2112a442;
/** RFC 8489 §18.3, RFC 8445 §16.1, RFC 5766 §14, and numbers that mean nothing. */
const attributes = [
  1, 6, 8, 9, 0xa, 0x14, 0x15, 0x20, 0x24, 0x25, 0x8022, 0x8023, 0x8029, 0x802a, 0x12, 0x7fff, 0xffff,
];
const methods = [0x0001, 0x0101, 0x0111, 0x0011, 0x0003, 0x0103, 0x0004, 0x0016, 0x3fff];

/** The streams of one peer. */
export class Packets {
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

  /** RTP that goes on as it should. */
  goodRtp(): Uint8Array {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + 160) >>> 0;
    return this.#rtp(0, false, 160);
  }

  /** RTP that jumps, changes its source, its kind and its length. */
  rtp(): Uint8Array {
    const random = this.#random;
    this.#sequence = (this.#sequence + (chance(random, 0.9) ? 1 : between(random, -200, 4000))) & 0xffff;
    this.#timestamp = (this.#timestamp + (chance(random, 0.95) ? 160 : random.uint32())) >>> 0;
    if (chance(random, 0.02)) this.#ssrc = chance(random, 0.3) ? this.#ours() : random.uint32();
    const type = pick(random, [0, 0, 0, 0, 8, 13, 101, 101, between(random, 0, 127)]);
    return this.#rtp(type, chance(random, 0.1), chance(random, 0.9) ? 160 : between(random, 0, 2500));
  }

  #rtp(type: number, marker: boolean, length: number): Uint8Array {
    const bytes = new Uint8Array(12 + length);
    bytes.set(this.#random.bytes(Math.min(length, 64)), 12);
    writeRtpHeader(bytes, 0, type, marker, this.#sequence, this.#timestamp, this.#ssrc);
    return bytes;
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
    return chance(random, 0.2) ? Buffer.concat([bytes, bytes, bytes]) : bytes;
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

  /** STUN (RFC 8489), and now and then DTLS, ZRTP or a TURN channel: all that RFC 7983 §7 knows beside RTP. */
  beside(): Uint8Array {
    const random = this.#random;
    if (chance(random, 0.8)) return this.#stun();
    const bytes = random.bytes(between(random, 0, 300));
    if (bytes.length > 0) bytes[0] = between(random, 0, 127);
    return bytes;
  }

  #stun(): Uint8Array {
    const random = this.#random;
    const parts: Uint8Array[] = [];
    for (let left = between(random, 0, 8); left > 0; left--) {
      const value = random.bytes(pick(random, [0, 1, 4, 8, 20, between(random, 0, 763)]));
      const part = Buffer.alloc(4 + value.length + (-value.length & 3));
      part.writeUInt16BE(pick(random, attributes));
      part.writeUInt16BE(value.length, 2);
      part.set(value, 4);
      parts.push(part);
    }
    const fingerprint = chance(random, 0.7);
    const body = Buffer.concat(parts);
    const head = Buffer.alloc(20);
    head.writeUInt16BE(pick(random, methods));
    head.writeUInt16BE(body.length + (fingerprint ? 8 : 0), 2);
    head.writeUInt32BE(chance(random, 0.9) ? magicCookie : random.uint32(), 4);
    head.set(random.bytes(12), 8);
    if (!fingerprint) return Buffer.concat([head, body]);
    // RFC 8489 §14.7.
    const end = Buffer.alloc(8);
    end.writeUInt32BE(0x80280004);
    end.writeUInt32BE((crc32(Buffer.concat([head, body])) ^ 0x5354554e) >>> 0, 4);
    return Buffer.concat([head, body, end]);
  }
}

/** A copy with bytes turned, cut short, too long. */
export function spoil(bytes: Uint8Array, random: Random): Uint8Array {
  let spoilt = Uint8Array.from(bytes);
  do {
    const at = between(random, 0, Math.max(0, spoilt.length - 1));
    switch (between(random, 0, 5)) {
      case 0: // version, padding, extension, contributors, count of reports
        spoilt[0] = between(random, 0, 255);
        break;
      case 1: // lengths of an extension, of RTCP and of STUN
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
