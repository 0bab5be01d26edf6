/** Codecs on the packet path are compared by number: `PCMU/8000` always gives the same, in every thread. */
import { encodingOf } from '../protocol.ts';

/** 0 is no codec. */
export type EncodingId = number;

/** FNV-1a. */
export function encodingId(codec: { readonly name: string; readonly clockRate: number }): EncodingId {
  let hash = 0x811c9dc5;
  for (const char of encodingOf(codec)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0 || 1;
}

/** What the payload of a packet is. */
export const audioPacket = 1;
export const eventPacket = 2;
export type PacketKind = typeof audioPacket | typeof eventPacket;
