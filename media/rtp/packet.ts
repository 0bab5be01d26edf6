/**
 * RTP packets in place (RFC 3550 §5.1): read from and written to the bytes of a datagram, no objects
 * per packet.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *     |                           timestamp                           |
 *     |                             SSRC                              |
 *     |                        CSRC × CC, extension                   |
 */
import type { RtpTimestamp, SeqNo, Ssrc } from './sequence.ts';

export const rtpHeaderBytes = 12;

/** What `readRtp` found; one per reader, overwritten by each packet. */
export interface RtpView {
  payloadType: number;
  marker: boolean;
  sequence: SeqNo;
  timestamp: RtpTimestamp;
  ssrc: Ssrc;
  /** Where the payload lies in the buffer; at least 12 bytes of it are before. */
  payloadOffset: number;
  /** Without padding. */
  payloadLength: number;
}

export function rtpView(): RtpView {
  return { payloadType: 0, marker: false, sequence: 0, timestamp: 0, ssrc: 0, payloadOffset: 0, payloadLength: 0 };
}

/** @returns false for what is not an RTP packet, RTCP included; `view` is then of no use. */
export function readRtp(buffer: Uint8Array, offset: number, length: number, view: RtpView): boolean {
  if (length < rtpHeaderBytes) return false;
  const first = buffer[offset]!;
  const second = buffer[offset + 1]!;
  if (first >> 6 !== 2 || isRtcpType(second)) return false;
  let header = rtpHeaderBytes + (first & 0x0f) * 4;
  if (first & 0x10) {
    if (header + 4 > length) return false;
    header += 4 + 4 * ((buffer[offset + header + 2]! << 8) | buffer[offset + header + 3]!);
  }
  if (header > length) return false;
  let payload = length - header;
  if (first & 0x20) {
    const padding = buffer[offset + length - 1]!;
    if (padding === 0 || padding > payload) return false;
    payload -= padding;
  }
  view.payloadType = second & 0x7f;
  view.marker = second > 0x7f;
  view.sequence = (buffer[offset + 2]! << 8) | buffer[offset + 3]!;
  view.timestamp = readUint32(buffer, offset + 4);
  view.ssrc = readUint32(buffer, offset + 8);
  view.payloadOffset = offset + header;
  view.payloadLength = payload;
  return true;
}

/** Writes a header without CSRC, extension or padding at `offset`. */
export function writeRtpHeader(
  buffer: Uint8Array,
  offset: number,
  payloadType: number,
  marker: boolean,
  sequence: SeqNo,
  timestamp: RtpTimestamp,
  ssrc: Ssrc,
): void {
  buffer[offset] = 0x80;
  buffer[offset + 1] = marker ? payloadType | 0x80 : payloadType;
  buffer[offset + 2] = sequence >> 8;
  buffer[offset + 3] = sequence;
  writeUint32(buffer, offset + 4, timestamp);
  writeUint32(buffer, offset + 8, ssrc);
}

/** RFC 5761 §4: the values of the second byte that are RTCP packet types. */
export function isRtcpType(second: number): boolean {
  return second >= 192 && second <= 223;
}

export function readUint32(buffer: Uint8Array, at: number): number {
  return ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0;
}

export function writeUint32(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}
