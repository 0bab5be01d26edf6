/**
 * Forwarding of packets from one stream into another as they come, without decoding: sequence numbers
 * and timestamps keep their distances, so gaps, order and timing reach the far end as they were. The
 * offsets are renewed when the source changes, and only then.
 */
import { addSeq, addTimestamp, type RtpTimestamp, type SeqNo, type Ssrc, seqDiff } from './rtp/sequence.ts';

/** Plain data: part of a leg's snapshot. */
export interface ForwardState {
  /** The source whose packets are forwarded now. */
  readonly ssrc: Ssrc;
  /** Out minus in. */
  sequenceOffset: number;
  readonly timestampOffset: number;
  /** Newest number that came in. */
  highest: SeqNo;
  /** The first number of the run that was left out last, and the offset before it. */
  leftOutFrom: SeqNo;
  leftOutTo: SeqNo;
  offsetBefore: number;
}

export class Forwarder {
  #state: ForwardState | undefined;

  /** @param leftOut numbers on the way out that are not used, when it goes on with `state` */
  constructor(state?: ForwardState, leftOut = 0) {
    this.#state = state && {
      ...state,
      sequenceOffset: addSeq(state.sequenceOffset, leftOut),
      offsetBefore: addSeq(state.offsetBefore, leftOut),
    };
  }

  get state(): ForwardState | undefined {
    return this.#state && { ...this.#state };
  }

  /** Another source spoke meanwhile: the next packet begins anew. */
  reset(): void {
    this.#state = undefined;
  }

  /** True when packets of this source can go on as they are. */
  continues(ssrc: Ssrc): boolean {
    return this.#state?.ssrc === ssrc;
  }

  /** The first packet of a source, and the numbers it is to have on its way out. */
  begin(ssrc: Ssrc, inSeq: SeqNo, inTimestamp: RtpTimestamp, outSeq: SeqNo, outTimestamp: RtpTimestamp): void {
    const sequenceOffset = addSeq(outSeq, -inSeq);
    this.#state = {
      ssrc,
      sequenceOffset,
      timestampOffset: addTimestamp(outTimestamp, -inTimestamp),
      highest: addSeq(inSeq, -1),
      leftOutFrom: inSeq,
      leftOutTo: addSeq(inSeq, -2),
      offsetBefore: sequenceOffset,
    };
  }

  /** The number a packet goes out with. */
  sequence(inSeq: SeqNo): SeqNo {
    const state = this.#state!;
    if (seqDiff(inSeq, state.highest) > 0) state.highest = inSeq;
    else if (seqDiff(inSeq, state.leftOutFrom) < 0) return addSeq(inSeq, state.offsetBefore);
    return addSeq(inSeq, state.sequenceOffset);
  }

  /** Packets up to this one, which are newer than all before, are on their way. @returns the number it goes out with */
  passed(inSeq: SeqNo): SeqNo {
    const state = this.#state!;
    state.highest = inSeq;
    return addSeq(inSeq, state.sequenceOffset);
  }

  timestamp(inTimestamp: RtpTimestamp): RtpTimestamp {
    return addTimestamp(inTimestamp, this.#state!.timestampOffset);
  }

  /** A packet is not forwarded: the numbers behind it close up, so that the far end sees no loss. */
  leaveOut(ssrc: Ssrc, inSeq: SeqNo): void {
    const state = this.#state;
    if (state?.ssrc !== ssrc) return;
    const ahead = seqDiff(inSeq, state.highest);
    if (ahead <= 0) return;
    if (ahead > 1 || state.leftOutTo !== state.highest) {
      state.leftOutFrom = inSeq;
      state.offsetBefore = state.sequenceOffset;
    }
    state.highest = inSeq;
    state.leftOutTo = inSeq;
    state.sequenceOffset = addSeq(state.sequenceOffset, -1);
  }
}
