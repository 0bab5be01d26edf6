/**
 * RTCP extended reports (RFC 3611), as bytes: the blocks on VoIP metrics, and the two by which a receiver that sends no
 * audio learns the round-trip time. What is longer or shorter than it should be, or of another kind, is passed over.
 */
import { gmin } from './bursts.ts';
import { readUint32, writeUint32 } from './packet.ts';
import type { Ssrc } from './sequence.ts';

export const extendedReport = 207;
/** Block types (§4.4, §4.5, §4.7). */
const referenceTime = 4;
const sinceReference = 5;
const voipMetrics = 7;
/** Bytes, with the block's header. */
const referenceBytes = 12;
const sinceBytes = 4 + 12;
const metricsBytes = 36;
const unavailable = 127;
/** Of one packet: who reports on more streams than one leg has tells nothing of ours. */
const mostBlocks = 32;

/** How one end hears the other (RFC 3611 §4.7). Undefined is what it does not know. */
export interface VoipMetrics {
  /** Share of the packets that were lost on the way, and that came and were not played; 0 … 1. */
  readonly lossRate: number;
  readonly discardRate: number;
  /** Share of the packets that were lost within bursts, and between them; mean lengths in ms. */
  readonly burstDensity: number;
  readonly gapDensity: number;
  readonly burstMs: number;
  readonly gapMs: number;
  readonly roundTripMs: number;
  /** ms that audio takes within that end: jitter buffer, coder. */
  readonly endSystemDelayMs: number;
  /** dBm0. */
  readonly signalLevel: number | undefined;
  readonly noiseLevel: number | undefined;
  /** Residual echo return loss, dB. */
  readonly echoReturnLoss: number | undefined;
  /** ITU-T G.107, 0 … 100. */
  readonly rFactor: number | undefined;
  /** 1 … 5: of listening, and of conversation, which counts delay too. */
  readonly mosLq: number | undefined;
  readonly mosCq: number | undefined;
  /** ms */
  readonly jitterBufferMs: number;
  readonly jitterBufferMaxMs: number;
}

export interface XrBlocks {
  /** NTP time, 32.32 bits. */
  readonly reference?: bigint | undefined;
  /** To somebody's reference: its middle 32 bits, and 1/65536 s since it came. */
  readonly since?: { readonly ssrc: Ssrc; readonly reference: number; readonly delay: number } | undefined;
  readonly metrics?: (VoipMetrics & { readonly ssrc: Ssrc; readonly adaptive: boolean }) | undefined;
}

export interface ReceivedXr {
  /** Middle 32 bits of a reference time. */
  readonly reference: number | undefined;
  readonly since: readonly { readonly ssrc: Ssrc; readonly reference: number; readonly delay: number }[];
  readonly metrics: readonly { readonly ssrc: Ssrc; readonly metrics: VoipMetrics }[];
}

/** A whole packet; undefined when there is nothing to tell. */
export function writeXr(ssrc: Ssrc, { reference, since, metrics }: XrBlocks): Uint8Array | undefined {
  const length =
    (reference === undefined ? 0 : referenceBytes) + (since ? sinceBytes : 0) + (metrics ? metricsBytes : 0);
  if (length === 0) return undefined;
  const bytes = new Uint8Array(8 + length);
  writeHeader(bytes, 0, 0x80, extendedReport, bytes.length);
  writeUint32(bytes, 4, ssrc);
  let at = 8;
  if (reference !== undefined) {
    writeHeader(bytes, at, referenceTime, 0, referenceBytes);
    writeUint32(bytes, at + 4, Number((reference >> 32n) & 0xffffffffn));
    writeUint32(bytes, at + 8, Number(reference & 0xffffffffn));
    at += referenceBytes;
  }
  if (since) {
    writeHeader(bytes, at, sinceReference, 0, sinceBytes);
    writeUint32(bytes, at + 4, since.ssrc);
    writeUint32(bytes, at + 8, since.reference);
    writeUint32(bytes, at + 12, since.delay);
    at += sinceBytes;
  }
  if (metrics) writeMetrics(bytes, at, metrics);
  return bytes;
}

/** Of a packet, and of a block: two bytes, and the length in words without the first. */
function writeHeader(bytes: Uint8Array, at: number, first: number, second: number, length: number): void {
  const words = length / 4 - 1;
  bytes[at] = first;
  bytes[at + 1] = second;
  bytes[at + 2] = words >> 8;
  bytes[at + 3] = words;
}

/**
 *     | SSRC 4 | loss, discard, burst and gap density 1 each | burst, gap duration 2 each | round trip, end system 2 each |
 *     | signal, noise, RERL, Gmin 1 each | R, external R, MOS-LQ, MOS-CQ 1 each | configuration 1, 0 1, nominal 2 |
 *     | maximum, absolute maximum 2 each |
 */
function writeMetrics(bytes: Uint8Array, at: number, metrics: NonNullable<XrBlocks['metrics']>): void {
  writeHeader(bytes, at, voipMetrics, 0, metricsBytes);
  writeUint32(bytes, at + 4, metrics.ssrc);
  bytes[at + 8] = ofByte(256 * metrics.lossRate, 255);
  bytes[at + 9] = ofByte(256 * metrics.discardRate, 255);
  bytes[at + 10] = ofByte(256 * metrics.burstDensity, 255);
  bytes[at + 11] = ofByte(256 * metrics.gapDensity, 255);
  writeMs(bytes, at + 12, metrics.burstMs);
  writeMs(bytes, at + 14, metrics.gapMs);
  writeMs(bytes, at + 16, metrics.roundTripMs);
  writeMs(bytes, at + 18, metrics.endSystemDelayMs);
  bytes[at + 20] = metrics.signalLevel ?? unavailable;
  bytes[at + 21] = metrics.noiseLevel ?? unavailable;
  bytes[at + 22] = ofByte(metrics.echoReturnLoss ?? unavailable, unavailable);
  bytes[at + 23] = gmin;
  bytes[at + 24] = ofByte(metrics.rFactor ?? unavailable, unavailable);
  bytes[at + 25] = unavailable;
  bytes[at + 26] = ofByte(metrics.mosLq === undefined ? unavailable : 10 * metrics.mosLq, unavailable);
  bytes[at + 27] = ofByte(metrics.mosCq === undefined ? unavailable : 10 * metrics.mosCq, unavailable);
  // What is lost is made up (standard PLC); the jitter buffer is adaptive or not (§4.7.7).
  bytes[at + 28] = 0xc0 | (metrics.adaptive ? 0x30 : 0x20);
  writeMs(bytes, at + 30, metrics.jitterBufferMs);
  writeMs(bytes, at + 32, metrics.jitterBufferMaxMs);
  writeMs(bytes, at + 34, metrics.jitterBufferMaxMs);
}

function ofByte(value: number, most: number): number {
  return Math.min(most, Math.max(0, Math.round(value)));
}

function writeMs(bytes: Uint8Array, at: number, ms: number): void {
  const whole = Math.min(65_535, Math.max(0, Math.round(ms)));
  bytes[at] = whole >> 8;
  bytes[at + 1] = whole;
}

/** @param body of the packet, behind the SSRC of its sender */
export function readXr(body: Uint8Array): ReceivedXr {
  let reference: number | undefined;
  const since: ReceivedXr['since'][number][] = [];
  const metrics: ReceivedXr['metrics'][number][] = [];
  for (let at = 0, blocks = 0; at + 4 <= body.length && blocks < mostBlocks; blocks++) {
    const length = 4 + 4 * read16(body, at + 2);
    if (at + length > body.length) break;
    const type = body[at];
    if (type === referenceTime && length === referenceBytes)
      reference = ((read16(body, at + 6) << 16) | read16(body, at + 8)) >>> 0;
    else if (type === sinceReference)
      for (let i = at + 4; i + 12 <= at + length && since.length < mostBlocks; i += 12)
        since.push({
          ssrc: readUint32(body, i),
          reference: readUint32(body, i + 4),
          delay: readUint32(body, i + 8),
        });
    else if (type === voipMetrics && length === metricsBytes)
      metrics.push({ ssrc: readUint32(body, at + 4), metrics: readMetrics(body, at) });
    at += length;
  }
  return { reference, since, metrics };
}

function readMetrics(bytes: Uint8Array, at: number): VoipMetrics {
  const share = (i: number): number => bytes[at + i]! / 256;
  const ms = (i: number): number => read16(bytes, at + i);
  const signed = (i: number): number | undefined => within((bytes[at + i]! << 24) >> 24, -128, 126);
  const mosLq = within(bytes[at + 26]!, 10, 50);
  const mosCq = within(bytes[at + 27]!, 10, 50);
  return {
    lossRate: share(8),
    discardRate: share(9),
    burstDensity: share(10),
    gapDensity: share(11),
    burstMs: ms(12),
    gapMs: ms(14),
    roundTripMs: ms(16),
    endSystemDelayMs: ms(18),
    signalLevel: signed(20),
    noiseLevel: signed(21),
    echoReturnLoss: within(bytes[at + 22]!, 0, 126),
    rFactor: within(bytes[at + 24]!, 0, 100),
    mosLq: mosLq && mosLq / 10,
    mosCq: mosCq && mosCq / 10,
    jitterBufferMs: ms(30),
    jitterBufferMaxMs: ms(32),
  };
}

/** Undefined for what is out of range: unavailable, or nothing that can be. */
function within(value: number, least: number, most: number): number | undefined {
  return value >= least && value <= most ? value : undefined;
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
