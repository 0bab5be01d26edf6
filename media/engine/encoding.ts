/** Codecs on the packet path are compared by number: `PCMU/8000` always gives the same, in every thread. */
import { type AudioCodec, codecFor } from '../codec/index.ts';
import { encodingOf } from '../protocol.ts';

/** 0 is no codec. */
export type EncodingId = number;

/** FNV-1a. */
export function encodingId(codec: { readonly name: string; readonly clockRate: number }): EncodingId {
  let hash = 0x811c9dc5;
  for (const char of encodingOf(codec)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0 || 1;
}

const converted = ['PCMU', 'PCMA', 'L16'].flatMap((name) =>
  [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].map((clockRate) => ({ name, clockRate })),
);
const byId = new Map(converted.map((codec) => [encodingId(codec), codec]));

/** The codec of an encoding; undefined where there is none that decodes it. */
export function codecOf(encoding: EncodingId): AudioCodec | undefined {
  const codec = byId.get(encoding);
  return codec && codecFor({ ...codec, channels: 1 });
}

/** Comfort noise (RFC 3389) at 8000 Hz; a payload type of its own everywhere. */
export const comfortNoise = { name: 'CN', payloadType: 13, clockRate: 8000 } as const;

/** What the payload of a packet is. */
export const audioPacket = 1;
export const eventPacket = 2;
export type PacketKind = typeof audioPacket | typeof eventPacket;
