/** Numbers that wrap: 16-bit sequence numbers and 32-bit timestamps (RFC 3550 §5.1). */

/** An SSRC, 32 bits. */
export type Ssrc = number;
/** A sequence number, 0 … 65535. */
export type SeqNo = number;
/** An RTP timestamp, 0 … 2^32 − 1, in units of the clock rate. */
export type RtpTimestamp = number;

export function addSeq(seq: SeqNo, n: number): SeqNo {
  return (seq + n) & 0xffff;
}

/** How far `a` is ahead of `b`: −32768 … 32767. */
export function seqDiff(a: SeqNo, b: SeqNo): number {
  return ((a - b) << 16) >> 16;
}

export function addTimestamp(timestamp: RtpTimestamp, n: number): RtpTimestamp {
  return (timestamp + n) >>> 0;
}

/** How far `a` is ahead of `b`: −2^31 … 2^31 − 1. */
export function timestampDiff(a: RtpTimestamp, b: RtpTimestamp): number {
  return (a - b) | 0;
}
