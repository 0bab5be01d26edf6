/**
 * What one leg sends: one SSRC, one sequence and one timeline, whatever sources follow one another
 * in it. A source that begins takes up the timestamp where the clock is by then.
 */
import type { Random } from '../../src/base/random.ts';
import { addSeq, addTimestamp, type RtpTimestamp, type SeqNo, type Ssrc, seqDiff } from './sequence.ts';

/** Plain data: part of a leg's snapshot. */
export interface SenderState {
  ssrc: Ssrc;
  /** What was sent under other SSRCs before this one. */
  packetsBefore: number;
  octetsBefore: number;
  /** Of the newest packet sent. */
  sequence: SeqNo;
  timestamp: RtpTimestamp;
  /** How much audio the newest packet holds, in timestamp units. */
  span: number;
  /** ms on the engine's clock when it was due; NaN before the first. */
  at: number;
  /** ms that the timeline is ahead of the clock: sources have followed one another within a packet. */
  leadMs: number;
  packets: number;
  octets: number;
  skippedTicks: number;
}

export class RtpSender {
  readonly state: SenderState;

  constructor(state: SenderState) {
    this.state = state;
  }

  /**
   * RFC 3550 §5.1: SSRC, first sequence number and timestamp are random. The number is of the lower half, or a loss of
   * the first packets before a wrap would leave SRTP's peer with a wrong roll-over counter (RFC 3711 §3.3.1).
   */
  static create(random: Random): RtpSender {
    return new RtpSender({
      ssrc: random.uint32(),
      packetsBefore: 0,
      octetsBefore: 0,
      sequence: random.uint32() & 0x7fff,
      timestamp: random.uint32(),
      span: 0,
      at: Number.NaN,
      leadMs: 0,
      packets: 0,
      octets: 0,
      skippedTicks: 0,
    });
  }

  /** Goes on with a stream. @param leftOut numbers that are not used */
  static resume(state: SenderState, leftOut: number): RtpSender {
    return new RtpSender({ ...state, sequence: addSeq(state.sequence, leftOut) });
  }

  get started(): boolean {
    return this.state.packets > 0;
  }

  get nextSequence(): SeqNo {
    return addSeq(this.state.sequence, 1);
  }

  /** The timestamp that goes on without a gap. */
  get nextTimestamp(): RtpTimestamp {
    return addTimestamp(this.state.timestamp, this.state.span);
  }

  /**
   * The timestamp of what is sent next, at `at`: it keeps pace with the clock. What is begun before the packet before it
   * has been played puts the timeline ahead; the next pause makes up for that.
   */
  begin(at: number, rate: number): RtpTimestamp {
    const { state } = this;
    if (Number.isNaN(state.at)) return this.nextTimestamp;
    const passed = at - state.at;
    const ticks = Math.max(state.span, Math.round(((passed - state.leadMs) * rate) / 1000));
    state.leadMs = Math.max(0, state.leadMs + (ticks * 1000) / rate - passed);
    return addTimestamp(state.timestamp, ticks);
  }

  /** ms on the engine's clock until which the newest packet plays. */
  busyUntil(rate: number): number {
    const { at, span, leadMs } = this.state;
    return Number.isNaN(at) ? Number.NEGATIVE_INFINITY : at + (span * 1000) / rate + leadMs;
  }

  /** Another SSRC: sequence and timeline go on, so that nobody hears of it; sender reports count anew (RFC 3550 §8.2). */
  renew(random: Random): void {
    const { state } = this;
    state.ssrc = random.uint32();
    state.packetsBefore = state.packets;
    state.octetsBefore = state.octets;
  }

  /** Notes a packet that goes out. Packets forwarded out of order leave the newest as it is. */
  sent(sequence: SeqNo, timestamp: RtpTimestamp, span: number, at: number, octets: number): void {
    const { state } = this;
    if (seqDiff(sequence, state.sequence) > 0 || state.packets === 0) {
      state.sequence = sequence;
      state.timestamp = timestamp;
      state.span = span;
      state.at = at;
    }
    state.packets++;
    state.octets += octets;
  }

  /** Notes so many packets that went out in order; of the last its number, timestamp and time. */
  passed(count: number, sequence: SeqNo, timestamp: RtpTimestamp, span: number, at: number, octets: number): void {
    const { state } = this;
    state.sequence = sequence;
    state.timestamp = timestamp;
    state.span = span;
    state.at = at;
    state.packets += count;
    state.octets += octets;
  }
}
