/**
 * The jitter buffer: packets come when they come, and are taken out in order, each when its time has come. Pure: the time
 * is passed in, and what is taken is decoded elsewhere (`playout.ts`).
 *
 * A packet with timestamp t is due `target` after the fastest packet with that timestamp would have come. The delay grows
 * where audio is missing anyway, shrinks in pauses, and does both bit by bit; what is far behind is left out.
 * Everything is bounded: the number of packets, their size, and how far a timestamp may jump.
 */
import type { AudioCodec } from '../codec/index.ts';
import { type RtpTimestamp, type SeqNo, seqDiff, timestampDiff } from '../rtp/sequence.ts';
import { DelayEstimate, type JitterBufferOptions } from './delay-estimate.ts';

/** `noise` is a description of comfort noise (RFC 3389), `event` what holds no audio but has a sequence number. */
export type PacketContent = 'audio' | 'noise' | 'event';

/** What comes next on the way out. */
export type Next =
  | 'packet' // `taken` is to be decoded
  | 'lost' // audio that did not come, or not in time
  | 'wait' // nothing came, and more delay is needed: time stands still
  | 'pause' // the sender says nothing
  | 'idle'; // nothing to play yet

export interface JitterPacket {
  content: PacketContent;
  codec: AudioCodec | undefined;
  bytes: Uint8Array;
  length: number;
}

interface Slot extends JitterPacket {
  sequence: number;
  /** Timestamp without wrap. */
  time: number;
}

/** Packets; at 10 ms each, 2 s. */
const capacity = 200;
/** Bytes: 20 ms of L16/48000/2 are 3840. */
const longestPayload = 4096;
/** ms that a timestamp may be off before it is taken for another timeline. */
const jumpMs = 500;
/** ms without a packet after which the first that comes needs no second to confirm a jump. */
const idleMs = 200;
/** Packets that are late one after the other before all begins anew. */
const mostLate = 5;
/** ms by which the delay may be shorter or longer than needed. */
const shortMs = 10;
const slackMs = 35;
/**
 * ms by which it may be longer for long: a first packet that came late, or a clock that is off, is no delay for good. Up to
 * a beat of it is used, as frames are cut where they are.
 */
const settledMs = 22;
const settleMs = 5000;
/** ms of delay too much that are left out at once. */
const skipMs = 120;

export class JitterBuffer {
  readonly #estimate: DelayEstimate;
  readonly #queue: Slot[] = [];
  readonly #free: Slot[] = [];
  #rate = 0;
  /** The newest that was put in: what wraps is counted on from it. */
  #newest: { sequence: number; time: number } | undefined;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Transit of a packet that no second has confirmed yet. */
  #stray = Number.NaN;
  /** Timestamp, without wrap, of what is to be taken next; undefined while nothing is played. */
  #cursor: number | undefined;
  #lastTaken = 0;
  /** Ticks of the packet that was played last. */
  #packetTicks = 0;
  /** Silence is meant: a pause of the sender, comfort noise, a key press. */
  #quiet = false;
  #late = 0;
  /** Late packets in a row. */
  #lateRun = 0;
  #dropped = 0;
  #taken: Slot | undefined;
  /** The least excess of delay since. */
  #leastExcess = Number.POSITIVE_INFINITY;
  #leastSince = Number.NaN;

  /** What comes now has waited for us, not in the network: it says nothing of that. */
  stalled = false;

  constructor(options: JitterBufferOptions) {
    this.#estimate = new DelayEstimate(options);
  }

  /** Packets that wait. */
  get size(): number {
    return this.#queue.length;
  }

  /** Packets that came after their time. */
  get late(): number {
    return this.#late;
  }

  /** Packets that were given up: too long, too many, a timestamp from nowhere, or more delay than needed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** ms that the stream needs. */
  get target(): number {
    return this.#estimate.target;
  }

  /** @param rate of the RTP clock; @param now ms, when it came. Copies the payload. */
  put(
    content: PacketContent,
    codec: AudioCodec | undefined,
    sequence: SeqNo,
    timestamp: RtpTimestamp,
    rate: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    if (length > longestPayload) {
      this.#dropped++;
      return;
    }
    if (rate !== this.#rate && content !== 'event') {
      this.restart();
      this.#rate = rate;
    }
    let place = this.#unwrap(sequence, timestamp);
    // The timestamp of a key press is that of its beginning (RFC 4733 §2.2.2): it says nothing of the way.
    if (content !== 'event') {
      const transit = now - (place.time * 1000) / rate;
      if (!this.#isPlausible(transit, now)) {
        this.#dropped++;
        return;
      }
      if (this.#newest === undefined) place = this.#unwrap(sequence, timestamp);
      if (!this.stalled || Number.isNaN(this.#estimate.base))
        this.#estimate.packet(now - (place.time * 1000) / rate, now);
      this.#heardAt = now;
    }
    if (this.#isLate(content, place)) {
      this.#late++;
      if (place.sequence <= this.#newest!.sequence || ++this.#lateRun < mostLate) return;
      // All that comes is late: the way has become longer than any delay of ours, or the timeline has gone back.
      this.restart();
      place = { sequence, time: timestamp };
      this.#estimate.packet(now - (timestamp * 1000) / rate, now);
    } else this.#lateRun = 0;
    this.#insert(place, content, codec, buffer, offset, length);
    if (!this.#newest || place.sequence > this.#newest.sequence) this.#newest = place;
  }

  #unwrap(sequence: SeqNo, timestamp: RtpTimestamp): { sequence: number; time: number } {
    const newest = this.#newest;
    if (!newest) return { sequence, time: timestamp };
    return {
      sequence: newest.sequence + seqDiff(sequence, newest.sequence & 0xffff),
      time: newest.time + timestampDiff(timestamp, newest.time % 4294967296),
    };
  }

  /** False for a timestamp that is far off, until a second one confirms it: then all begins anew. */
  #isPlausible(transit: number, now: number): boolean {
    const off = transit - this.#estimate.base;
    if (!(Math.abs(off) > jumpMs + this.#estimate.target)) {
      this.#stray = Number.NaN;
      return true;
    }
    const confirmed = Math.abs(transit - this.#stray) < jumpMs / 2;
    this.#stray = transit;
    if (!confirmed && now - this.#heardAt < idleMs) return false;
    this.restart();
    return true;
  }

  #isLate(content: PacketContent, { sequence, time }: { sequence: number; time: number }): boolean {
    if (this.#cursor === undefined) return false;
    if (sequence <= this.#lastTaken) return true;
    return content === 'audio' && time + this.#packetTicks <= this.#cursor && time < this.#cursor;
  }

  #insert(
    { sequence, time }: { sequence: number; time: number },
    content: PacketContent,
    codec: AudioCodec | undefined,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const queue = this.#queue;
    let at = queue.length;
    while (at > 0 && queue[at - 1]!.sequence > sequence) at--;
    if (at > 0 && queue[at - 1]!.sequence === sequence) return;
    if (queue.length === capacity) {
      this.#dropped++;
      // One that is older than all that wait would be the next to go.
      if (at === 0) return;
      this.#drop();
      at--;
    }
    const slot = this.#free.pop() ?? { content, codec, sequence, time, length, bytes: new Uint8Array(length) };
    if (slot.bytes.length < length) slot.bytes = new Uint8Array(length);
    slot.bytes.set(buffer.subarray(offset, offset + length));
    slot.content = content;
    slot.codec = codec;
    slot.sequence = sequence;
    slot.time = time;
    slot.length = length;
    queue.splice(at, 0, slot);
  }

  /** Takes out the oldest. */
  #drop(): Slot {
    const slot = this.#queue.shift()!;
    this.#free.push(slot);
    this.#lastTaken = slot.sequence;
    return slot;
  }

  /** ms between the time at which the fastest packet would have brought what is next, and now. */
  delay(now: number, pendingTicks = 0): number {
    if (this.#cursor === undefined) return 0;
    return now - this.#estimate.base - ((this.#cursor - pendingTicks) * 1000) / this.#rate;
  }

  /**
   * What is to be played next. A `packet` is in `taken`, and `played` says how long it was; after the others `advance`
   * says how much was filled in, at most `room`.
   * @param pendingTicks what was taken and is not played yet
   */
  take(now: number, pendingTicks = 0): Next {
    const queue = this.#queue;
    while (queue[0]?.content === 'event') {
      this.#drop();
      this.#quiet = true;
    }
    const head = queue[0];
    if (this.#cursor === undefined) {
      if (!head || now < this.#estimate.base + this.target + (head.time * 1000) / this.#rate) return 'idle';
      this.#cursor = head.time;
      this.#lastTaken = head.sequence - 1;
    }
    if (!head) {
      if (this.delay(now, pendingTicks) < this.target) return 'wait';
      return this.#quiet ? 'pause' : 'lost';
    }
    if (head.time > this.#cursor) return this.#quiet || head.sequence === this.#lastTaken + 1 ? 'pause' : 'lost';
    this.#quiet = head.content === 'noise';
    this.#taken = this.#drop();
    return 'packet';
  }

  /** Valid until the next `put`. */
  get taken(): JitterPacket {
    return this.#taken!;
  }

  /** The sender says nothing, as far as is known. */
  get quiet(): boolean {
    return this.#quiet;
  }

  /** True when `take` would give audio. */
  get ready(): boolean {
    const head = this.#queue[0];
    return head?.content === 'audio' && this.#cursor !== undefined && head.time <= this.#cursor;
  }

  /** Ticks until the next packet is due; Infinity when none waits. */
  get room(): number {
    const head = this.#queue[0];
    return head && this.#cursor !== undefined ? Math.max(0, head.time - this.#cursor) : Number.POSITIVE_INFINITY;
  }

  /** Payload of the packet behind one that is missing, for codecs that repeat themselves in it. */
  get following(): Uint8Array | undefined {
    const head = this.#queue[0];
    if (head?.content !== 'audio' || this.room > this.#packetTicks) return undefined;
    return head.bytes.subarray(0, head.length);
  }

  /** Ticks of one packet, as of the last one that was played. */
  get packetTicks(): number {
    return this.#packetTicks;
  }

  /**
   * The packet that was taken holds so many ticks.
   * @returns how many of them at its beginning were played already
   */
  played(ticks: number): number {
    const { time } = this.#taken!;
    const cursor = this.#cursor ?? time;
    if (ticks > 0) this.#packetTicks = ticks;
    this.#cursor = Math.max(cursor, time + ticks);
    return Math.min(ticks, cursor - time);
  }

  advance(ticks: number): void {
    if (this.#cursor !== undefined) this.#cursor += ticks;
  }

  /**
   * What is to be done about a delay that is not what is needed. In a pause it is set right here.
   * @returns `lengthen`, `shorten`: some ms are to be gained or saved; `skip`: what was taken and not played is to be
   *   given up
   */
  catchUp(now: number, pendingTicks: number): 'none' | 'lengthen' | 'shorten' | 'skip' {
    if (this.#cursor === undefined) return 'none';
    const excess = this.delay(now, pendingTicks) - this.target;
    if (excess < -shortMs && !this.#quiet) return 'lengthen';
    if (excess <= slackMs) return this.#isLongForLong(excess, now) && !this.#quiet ? 'shorten' : 'none';
    if (!this.#quiet && excess <= slackMs + skipMs) return 'shorten';
    const wanted = this.#cursor - pendingTicks + (excess * this.#rate) / 1000;
    if (this.#quiet) {
      this.#cursor = Math.max(this.#cursor, Math.min(wanted, this.#cursor + this.room));
      return 'none';
    }
    this.#cursor = Math.max(this.#cursor - pendingTicks, Math.floor(wanted));
    while (this.#queue[0] && this.#queue[0].time + this.#packetTicks <= this.#cursor) {
      this.#drop();
      this.#dropped++;
    }
    return 'skip';
  }

  /** Asked at every beat; true once for each time that it is so. */
  #isLongForLong(excess: number, now: number): boolean {
    this.#leastExcess = Math.min(this.#leastExcess, excess);
    if (now - this.#leastSince < settleMs) return false;
    const isLong = this.#leastExcess > settledMs && this.#leastExcess < Number.POSITIVE_INFINITY;
    const begun = !Number.isNaN(this.#leastSince);
    this.#leastExcess = Number.POSITIVE_INFINITY;
    this.#leastSince = now;
    return begun && isLong;
  }

  /** What comes is of another timeline: what waits is given up. */
  restart(): void {
    while (this.#queue.length > 0) this.#drop();
    if (!Number.isNaN(this.#estimate.base)) this.#estimate.restart();
    this.#newest = undefined;
    this.#cursor = undefined;
    this.#quiet = false;
    this.#stray = Number.NaN;
    this.#lateRun = 0;
  }
}
