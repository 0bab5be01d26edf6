/**
 * Ogg pages (RFC 3533 §6), read from bytes as they come and written whole:
 *
 *   "OggS" · version 0 · flags · granule position (8) · serial (4) · sequence (4) · CRC (4) · n · n lacing values · body
 *
 * A packet is the sum of its lacing values up to one below 255; what is longer than a page goes on in the next.
 */

/** A page that was whole and not damaged. */
export interface OggPage {
  /** Bytes before it that belong to no page. */
  readonly skipped: number;
  /** How long it is. */
  readonly bytes: number;
  readonly serial: number;
  readonly sequence: number;
  /** Where the last packet that ends on it ends, in the codec's units; −1: none does. */
  readonly granule: number;
  readonly first: boolean;
  readonly last: boolean;
  /** Its first piece goes on with the packet that the page before left open. */
  readonly continued: boolean;
  /** Packets and pieces of them: views of what was pushed, or of a copy. */
  readonly pieces: readonly Uint8Array[];
  /** The last piece is not the end of its packet. */
  readonly open: boolean;
}

const headerBytes = 27;
/** RFC 3533 §6: 255 lacing values of 255. */
export const longestPage = headerBytes + 255 + 255 * 255;
const flag = { continued: 1, first: 2, last: 4 } as const;
const capture = [0x4f, 0x67, 0x67, 0x53] as const; // OggS

export class OggReader {
  #rest: Uint8Array = new Uint8Array(0);
  #skipped = 0;

  /** Bytes since the last page that belong to none. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Gives the pages that end in `chunk`; holds no more than one page of what does not. */
  *push(chunk: Uint8Array): Generator<OggPage, void, void> {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    let at = 0;
    try {
      while (at < bytes.length) {
        const length = pageLength(bytes, at);
        if (length === undefined) return;
        const page = length === 0 ? undefined : readPage(bytes.subarray(at, at + length), this.#skipped);
        if (page) {
          at += length;
          this.#skipped = 0;
          yield page;
        } else {
          const next = bytes.indexOf(capture[0], at + 1);
          const skipped = (next < 0 ? bytes.length : next) - at;
          at += skipped;
          this.#skipped += skipped;
        }
      }
    } finally {
      this.#rest = bytes.slice(at);
    }
  }
}

/** @returns undefined while that cannot be said or the page is not whole; 0 where no page begins */
function pageLength(bytes: Uint8Array, at: number): number | undefined {
  for (let i = 0; i < capture.length; i++) {
    if (at + i >= bytes.length) return undefined;
    if (bytes[at + i] !== capture[i]) return 0;
  }
  if (at + headerBytes > bytes.length) return undefined;
  if (bytes[at + 4] !== 0) return 0; // another version
  const body = at + headerBytes + bytes[at + headerBytes - 1]!;
  if (body > bytes.length) return undefined;
  let length = body - at;
  for (let i = at + headerBytes; i < body; i++) length += bytes[i]!;
  return at + length > bytes.length ? undefined : length;
}

function readPage(page: Uint8Array, skipped: number): OggPage | undefined {
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  if (view.getUint32(22, true) !== checksum(page)) return undefined;
  const flags = page[5]!;
  const pieces: Uint8Array[] = [];
  const body = headerBytes + page[26]!;
  let from = body;
  let to = body;
  for (let i = headerBytes; i < body; i++) {
    to += page[i]!;
    if (page[i] === 255) continue;
    pieces.push(page.subarray(from, to));
    from = to;
  }
  const open = body > headerBytes && page[body - 1] === 255;
  if (open) pieces.push(page.subarray(from, to));
  return {
    skipped,
    bytes: page.length,
    serial: view.getUint32(14, true),
    sequence: view.getUint32(18, true),
    granule: view.getInt32(10, true) * 2 ** 32 + view.getUint32(6, true),
    first: (flags & flag.first) !== 0,
    last: (flags & flag.last) !== 0,
    continued: (flags & flag.continued) !== 0,
    pieces,
    open,
  };
}

export interface OggPageOptions {
  readonly serial: number;
  readonly sequence: number;
  readonly granule: number;
  readonly first?: boolean;
  readonly last?: boolean;
}

/** Lacing values that a packet takes. */
export function lacingOf(packetBytes: number): number {
  return Math.floor(packetBytes / 255) + 1;
}

/** A page of whole packets, with at most 255 lacing values in all. */
export function oggPage(options: OggPageOptions, packets: readonly Uint8Array[]): Uint8Array {
  let lacing = 0;
  let length = headerBytes;
  for (const packet of packets) {
    lacing += lacingOf(packet.length);
    length += packet.length;
  }
  const page = new Uint8Array(length + lacing);
  const view = new DataView(page.buffer);
  page.set(capture);
  page[5] = (options.first ? flag.first : 0) | (options.last ? flag.last : 0);
  view.setUint32(6, options.granule % 2 ** 32, true);
  view.setUint32(10, Math.floor(options.granule / 2 ** 32), true);
  view.setUint32(14, options.serial, true);
  view.setUint32(18, options.sequence, true);
  page[26] = lacing;
  let at = headerBytes;
  let body = headerBytes + lacing;
  for (const packet of packets) {
    const whole = lacingOf(packet.length) - 1;
    page.fill(255, at, at + whole);
    at += whole;
    page[at++] = packet.length % 255;
    page.set(packet, body);
    body += packet.length;
  }
  view.setUint32(22, checksum(page), true);
  return page;
}

/** x³² + x²⁶ + … + 1, not reflected, begun with 0 (RFC 3533 §6, field 7). */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** The checksum's own four bytes count as 0. */
function checksum(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= 22 && i < 26 ? 0 : page[i]!;
    crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ byte]!;
  }
  return crc >>> 0;
}
