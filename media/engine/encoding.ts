/** Codecs on the packet path are compared by number: `PCMU/8000` always gives the same, in every thread. */
import type { CodecFormat } from '../codec/index.ts';
import { encodingOf } from '../protocol.ts';
import { comfortNoise } from '../sdp/codecs.ts';

/** 0 is no codec. Of a telephone-event it is the clock rate that its durations are in. */
export type EncodingId = number;

/** FNV-1a, as a signed integer of 32 bits. */
export function encodingId(codec: CodecFormat): EncodingId {
  let hash = 0x811c9dc5;
  for (const char of encodingOf(codec)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash || 1;
}

const rates = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
const converted: readonly CodecFormat[] = [
  ...['PCMU', 'PCMA', 'L16'].flatMap((name) => rates.map((clockRate) => ({ name, clockRate, channels: 1 }))),
  ...rates.map((clockRate) => ({ name: 'L16', clockRate, channels: 2 })),
  { name: 'G722', clockRate: 8000, channels: 1 },
  { name: 'OPUS', clockRate: 48_000, channels: 2 },
];
const byId = new Map(converted.map((codec) => [encodingId(codec), codec]));

/** What an encoding is; undefined where nothing here decodes it. */
export function formatOf(encoding: EncodingId): CodecFormat | undefined {
  return byId.get(encoding);
}

export { comfortNoise } from '../sdp/codecs.ts';

/** The noise where nobody said which: −70 dBov, hardly to be heard. */
export const quietNoise = Uint8Array.of(70);
/** Of a description of comfort noise. */
export const noiseEncoding = encodingId(comfortNoise);

/** What the payload of a packet is. */
export const audioPacket = 1;
export const eventPacket = 2;
export type PacketKind = typeof audioPacket | typeof eventPacket;
