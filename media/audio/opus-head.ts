/** The two header packets of Opus in Ogg (RFC 7845 §5), and the names of what else may be in Ogg. */
import { fail, ok, type Result } from '../../src/base/errors.ts';

export interface OpusHead {
  readonly channels: 1 | 2;
  /** Samples of 48 kHz at the beginning that are not played. */
  readonly preSkip: number;
  /** Hz of the audio before it was encoded; 0: not said. */
  readonly inputRate: number;
  /** Factor for all samples. */
  readonly gain: number;
}

const head = 'OpusHead';
const tags = 'OpusTags';

/** First packet → codec. */
const others: readonly (readonly [string, string])[] = [
  ['\x01vorbis', 'Vorbis'],
  ['\x7fFLAC', 'FLAC'],
  ['Speex   ', 'Speex'],
  ['\x80theora', 'Theora'],
  ['CELT    ', 'CELT'],
];

export function isOpusHead(packet: Uint8Array): boolean {
  return startsWith(packet, head);
}

export function isOpusTags(packet: Uint8Array): boolean {
  return startsWith(packet, tags);
}

/** @returns undefined for a codec that is not known by its first packet */
export function oggCodecName(packet: Uint8Array): string | undefined {
  return others.find(([magic]) => startsWith(packet, magic))?.[1];
}

/** RFC 7845 §5.1. @param packet one that `isOpusHead` */
export function readOpusHead(packet: Uint8Array): Result<OpusHead> {
  if (packet.length < 19) return fail('its Opus header is cut short');
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const version = packet[8]!;
  if (version >> 4 !== 0) return fail(`version ${version} of its Opus header is not known`);
  const channels = packet[9]!;
  if (channels !== 1 && channels !== 2) return fail(`it has ${channels} channels: only 1 and 2 are supported`);
  const family = packet[18]!;
  // One stream of one or two channels is coded alike in all families.
  if (family !== 0 && packet[19] !== 1) return fail(`its channel mapping (family ${family}) is not supported`);
  return ok({
    channels,
    preSkip: view.getUint16(10, true),
    inputRate: view.getUint32(12, true),
    gain: 10 ** (view.getInt16(16, true) / (20 * 256)),
  });
}

export function writeOpusHead({ channels, preSkip, inputRate }: Omit<OpusHead, 'gain'>): Uint8Array {
  const packet = new Uint8Array(19);
  const view = new DataView(packet.buffer);
  new TextEncoder().encodeInto(head, packet);
  packet[8] = 1;
  packet[9] = channels;
  view.setUint16(10, preSkip, true);
  view.setUint32(12, inputRate, true);
  return packet;
}

/**
 * RFC 7845 §5.2: who wrote it, and comments (`NAME=value`), of which those are left out that have no room.
 * @param room bytes for comments; what they do not take is padding, so that others can be put in their place
 */
export function writeOpusTags(vendor: string, room = 0, comments: readonly string[] = []): Uint8Array {
  const name = new TextEncoder().encode(vendor);
  const packet = new Uint8Array(16 + name.length + room);
  const view = new DataView(packet.buffer);
  new TextEncoder().encodeInto(tags, packet);
  view.setUint32(8, name.length, true);
  packet.set(name, 12);
  let at = 16 + name.length;
  let count = 0;
  for (const comment of comments) {
    const bytes = new TextEncoder().encode(comment);
    if (at + 4 + bytes.length > packet.length) break;
    view.setUint32(at, bytes.length, true);
    packet.set(bytes, at + 4);
    at += 4 + bytes.length;
    count++;
  }
  view.setUint32(12 + name.length, count, true);
  return packet;
}

function startsWith(packet: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (packet[i] !== text.charCodeAt(i)) return false;
  return true;
}
