/**
 * Key presses out of telephone-event packets, each exactly once: whichever packets of a press are lost,
 * doubled or late, and however many segments a long press has. A press is known by its source, its
 * timestamp and its event code (RFC 4733 §2.5.2.3); all its packets share them.
 */
import { type RtpTimestamp, type Ssrc, timestampDiff } from '../rtp/sequence.ts';
import { digitOf, eventBytes, maxDuration } from './event.ts';

/** Presses remembered: a packet of an older one would have to be late by as many presses. */
const remembered = 32;
/** Segments that may be lost as a whole before the next of the same press comes. */
const lostSegments = 8;
/** Timestamp units after which a packet of an unknown press is taken for a stray. */
const longestDelay = 8 * 48_000;

interface Press {
  readonly ssrc: Ssrc;
  readonly event: number;
  readonly timestamp: RtpTimestamp;
  /** From `timestamp` to the beginning of the newest segment. */
  segments: number;
  ended: boolean;
}

/** Plain data: part of a leg's snapshot. */
export interface DtmfReceiverState {
  /** Newest last. */
  readonly presses: readonly Press[];
}

export class DtmfReceiver {
  #presses: Press[];

  constructor(state?: DtmfReceiverState) {
    this.#presses = state ? state.presses.map((press) => ({ ...press })) : [];
  }

  get state(): DtmfReceiverState {
    return { presses: this.#presses.map((press) => ({ ...press })) };
  }

  /** @returns the digit when this packet is the first of a key press that was seen. */
  packet(ssrc: Ssrc, timestamp: RtpTimestamp, buffer: Uint8Array, offset: number, length: number): string | undefined {
    if (length < eventBytes) return undefined;
    const event = buffer[offset]!;
    const digit = digitOf(event);
    if (digit === undefined) return undefined;
    const ended = (buffer[offset + 1]! & 0x80) !== 0;
    const presses = this.#presses;
    for (let i = presses.length - 1; i >= 0; i--) {
      const press = presses[i]!;
      if (press.event !== event || press.ssrc !== ssrc || !belongs(press, timestamp)) continue;
      press.ended ||= ended;
      return undefined;
    }
    const newest = presses.at(-1);
    if (newest?.ssrc === ssrc && timestampDiff(newest.timestamp, timestamp) > longestDelay) return undefined;
    presses.push({ ssrc, event, timestamp, segments: 0, ended });
    if (presses.length > remembered) presses.shift();
    return digit;
  }
}

/** The next segment of a press that has not ended begins where the segment before was full. */
function belongs(press: Press, timestamp: RtpTimestamp): boolean {
  const ahead = timestampDiff(timestamp, press.timestamp);
  if (ahead === 0) return true;
  if (ahead < 0 || ahead % maxDuration !== 0) return false;
  if (ahead <= press.segments) return true;
  if (press.ended || ahead > press.segments + lostSegments * maxDuration) return false;
  press.segments = ahead;
  return true;
}
