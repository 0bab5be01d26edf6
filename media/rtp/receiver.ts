/**
 * What one leg has received: validity of sequence numbers, loss, reordering, jitter
 * (RFC 3550 §A.1, §A.3, §A.8). The first source of all counts at once, since the latch decides whose packets are
 * looked at; another one is on probation until two of its packets have come in sequence.
 */
import { type BitWindow, clearBit, createWindow, hasBit, setBit } from './bit-window.ts';
import { type BurstState, countBurst, createBursts } from './bursts.ts';
import { type RtpTimestamp, type SeqNo, type Ssrc, seqDiff } from './sequence.ts';

const maxDropout = 3000;
const maxMisorder = 100;
/** How far back duplicates are told from late packets. */
const windowSize = 128;
/** Packets that one may be overtaken by before it counts as lost in a burst. */
const settled = 32;

/** What a packet is to those who take it further. */
export type Arrival =
  | 'next' // in order, or after a gap
  | 'late' // older than the newest, not seen before
  | 'duplicate'
  | 'restart' // the first of a source, or of a sequence that jumped
  | 'bad'; // a jump or another source, which no second packet has confirmed yet

/** Plain data: part of a leg's snapshot. */
export interface ReceiverState {
  ssrc: Ssrc | undefined;
  packets: number;
  octets: number;
  outOfOrder: number;
  duplicates: number;
  invalid: number;
  /** Lost from sources before the present one, and what was expected of them. */
  lostBefore: number;
  expectedBefore: number;
  /** How often one packet or more in a row did not come in order. */
  gaps: number;
  /** A source on probation, and the number that would confirm it. */
  probation: { readonly ssrc: Ssrc; readonly next: SeqNo } | undefined;
  /** Of the present source. */
  source: SourceState | undefined;
  /** Once they are counted. */
  bursts?: BurstState;
}

interface SourceState {
  readonly base: SeqNo;
  highest: SeqNo;
  cycles: number;
  received: number;
  /** The number that would confirm a jump. */
  expectedBad: number;
  expectedPrior: number;
  receivedPrior: number;
  /** In timestamp units. */
  jitter: number;
  /** Arrival minus timestamp of the packet before, in timestamp units of 32 bits; undefined after a break. */
  transit: number | undefined;
  /** Which of the last 128 numbers came. */
  readonly seen: BitWindow;
}

export interface ReportBlock {
  /** Of 256, since the last report. */
  readonly fractionLost: number;
  readonly lost: number;
  readonly highest: number;
  readonly jitter: number;
}

export class RtpReceiver {
  readonly state: ReceiverState;

  constructor(state?: ReceiverState) {
    this.state = state ?? {
      ssrc: undefined,
      packets: 0,
      octets: 0,
      outOfOrder: 0,
      duplicates: 0,
      invalid: 0,
      lostBefore: 0,
      expectedBefore: 0,
      gaps: 0,
      probation: undefined,
      source: undefined,
    };
    if (this.state.source) this.state.source.transit = undefined;
  }

  /** @param arrival ms; @param rate the clock of this payload type, 0 to leave jitter alone (telephone-event) */
  packet(seq: SeqNo, timestamp: RtpTimestamp, ssrc: Ssrc, octets: number, arrival: number, rate: number): Arrival {
    const { state } = this;
    const source = state.source;
    state.packets++;
    state.octets += octets;
    if (source && ssrc !== state.ssrc) {
      const { probation } = state;
      if (probation?.ssrc !== ssrc || probation.next !== seq) {
        state.probation = { ssrc, next: (seq + 1) & 0xffff };
        state.invalid++;
        return 'bad';
      }
    }
    if (!source || ssrc !== state.ssrc) {
      this.#begin(seq, ssrc);
      this.#jitter(timestamp, arrival, rate);
      return 'restart';
    }
    const ahead = seqDiff(seq, source.highest);
    if (ahead > 0 && ahead < maxDropout) {
      this.#advance(source, seq, ahead);
      this.#jitter(timestamp, arrival, rate);
      return 'next';
    }
    if (ahead <= 0 && ahead > -maxMisorder) {
      if (hasBit(source.seen, seq)) {
        state.duplicates++;
        return 'duplicate';
      }
      setBit(source.seen, seq);
      source.received++;
      source.expectedBad = -1;
      state.outOfOrder++;
      return 'late';
    }
    if (seq !== source.expectedBad) {
      source.expectedBad = (seq + 1) & 0xffff;
      state.invalid++;
      return 'bad';
    }
    this.#begin(seq, ssrc);
    this.#jitter(timestamp, arrival, rate);
    return 'restart';
  }

  /** A datagram that was dropped: no RTP, a payload type nobody negotiated, a stranger's. */
  invalid(): void {
    this.state.invalid++;
  }

  /** How losses are spread is counted from now on. */
  countBursts(): void {
    this.state.bursts ??= createBursts();
  }

  /** The numbers from which on nothing late can come any more. */
  #settle(bursts: BurstState, source: SourceState, ahead: number): void {
    const newest = source.cycles + source.highest;
    for (let number = newest - settled + 1; number <= newest + ahead - settled; number++)
      if (number >= source.base) countBurst(bursts, number > newest || !hasBit(source.seen, number));
  }

  #begin(seq: SeqNo, ssrc: Ssrc): void {
    const { state } = this;
    state.lostBefore = this.lost;
    state.expectedBefore = this.expected;
    state.ssrc = ssrc;
    state.probation = undefined;
    const seen = createWindow(windowSize);
    setBit(seen, seq);
    state.source = {
      base: seq,
      highest: seq,
      cycles: 0,
      received: 1,
      expectedBad: -1,
      expectedPrior: 0,
      receivedPrior: 0,
      jitter: 0,
      transit: undefined,
      seen,
    };
  }

  #advance(source: SourceState, seq: SeqNo, ahead: number): void {
    if (this.state.bursts) this.#settle(this.state.bursts, source, ahead);
    if (ahead > 1) {
      this.state.gaps++;
      const cleared = Math.min(ahead - 1, windowSize);
      for (let i = 1; i <= cleared; i++) clearBit(source.seen, source.highest + i);
    }
    if (seq < source.highest) source.cycles += 65536;
    source.highest = seq;
    setBit(source.seen, seq);
    source.received++;
    source.expectedBad = -1;
  }

  #jitter(timestamp: RtpTimestamp, arrival: number, rate: number): void {
    const source = this.state.source;
    if (!source || rate === 0) return;
    const transit = transitOf(timestamp, arrival, rate);
    if (source.transit !== undefined) source.jitter = smoothJitter(source.jitter, transit, source.transit, rate);
    source.transit = transit;
  }

  /**
   * So many packets of the present source came in order, one after the other, without a turn of their numbers.
   * @param last number. @param octets of all. @param transit of the last. @param jitter behind the last
   */
  passed(count: number, last: SeqNo, octets: number, transit: number, jitter: number): void {
    const { state } = this;
    const { source } = state;
    if (!source) return;
    state.packets += count;
    state.octets += octets;
    for (let back = Math.min(count, windowSize) - 1; back >= 0; back--) setBit(source.seen, last - back);
    source.highest = last;
    source.received += count;
    source.expectedBad = -1;
    source.transit = transit;
    source.jitter = jitter;
  }

  /** RFC 3550 §A.3: expected minus received, never below 0 here. */
  get lost(): number {
    const { source, lostBefore } = this.state;
    return lostBefore + (source ? Math.max(0, expected(source) - source.received) : 0);
  }

  /** Packets that should have come. */
  get expected(): number {
    const { source, expectedBefore } = this.state;
    return expectedBefore + (source ? expected(source) : 0);
  }

  get jitter(): number {
    return this.state.source?.jitter ?? 0;
  }

  /** The report block about the present source, and the start of the next interval. */
  report(): ReportBlock | undefined {
    const { source } = this.state;
    if (!source) return undefined;
    const all = expected(source);
    const expectedNow = all - source.expectedPrior;
    const lostNow = expectedNow - (source.received - source.receivedPrior);
    source.expectedPrior = all;
    source.receivedPrior = source.received;
    return {
      fractionLost: expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      lost: Math.min(0x7fffff, Math.max(0, all - source.received)),
      highest: (source.cycles + source.highest) >>> 0,
      jitter: Math.floor(source.jitter) >>> 0,
    };
  }
}

/** Arrival minus timestamp, in timestamp units of 32 bits (RFC 3550 §A.8). @param arrival ms */
export function transitOf(timestamp: RtpTimestamp, arrival: number, rate: number): number {
  return (Math.round((arrival * rate) / 1000) - timestamp) | 0;
}

/** RFC 3550 §A.8. A timestamp that jumps (another source behind one SSRC) says nothing about the network. */
export function smoothJitter(jitter: number, transit: number, before: number, rate: number): number {
  const d = Math.abs((transit - before) | 0);
  return d < rate * 2 ? jitter + (d - jitter) / 16 : jitter;
}

function expected(source: SourceState): number {
  return source.cycles + source.highest - source.base + 1;
}
