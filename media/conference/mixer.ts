/**
 * The mix of a conference, beat by beat: every party hears the sum of all others. Pure: packets in, payloads out, no
 * clock. Parties that say nothing are not mixed, and those that hear the same in the same codec share one encoding.
 */
import type { AudioCodec } from '../codec/index.ts';
import { Listener } from './listener.ts';
import { frameMs, Party, type Route } from './party.ts';
import { SpeakerElection } from './speech.ts';

export type { Route } from './party.ts';

/** What a conference can be mixed at, best first. */
const rates = [48_000, 16_000, 8000];

/** Takes the payload of a beat for one party; it is shared: it may not be written to, nor kept. */
export type DeliverPayload = (party: string, payload: Uint8Array, samples: number) => void;

/** What everybody is to hear besides. @returns false when there is nothing in this beat */
export type FillFrame = (out: Int16Array, rate: number) => boolean;

interface Seat {
  readonly party: Party;
  /** For when it hears what nobody else does. */
  own: Listener;
  /** Makes a coder for its codec. */
  coder: () => AudioCodec;
  /** What it hears in this beat. */
  hears: Listener | undefined;
}

export class ConferenceMixer {
  readonly #seats = new Map<string, Seat>();
  /** For all who hear everybody: one per codec. */
  readonly #shared = new Map<string, Listener>();
  /** Those who left are heard until the end of the beat. */
  readonly #leaving = new Set<Party>();
  readonly #whispering: Party[] = [];
  readonly #election = new SpeakerElection();
  #rate = 8000;
  #sum = new Int32Array(0);
  #mix = new Int16Array(0);
  #own = new Int16Array(0);
  #extra = new Int16Array(0);
  #beat = 0;

  constructor() {
    this.#makeRoom();
  }

  /** Samples per second of the mix: the best that every party can hear. */
  get rate(): number {
    return this.#rate;
  }

  get size(): number {
    return this.#seats.size;
  }

  /** Who is heard best, if anybody spoke in the last seconds. */
  get speaker(): string | undefined {
    return this.#election.speaker;
  }

  /**
   * A party comes; or it hears in another codec from now on.
   * @param coder makes a coder of its codec, whose rate has a whole number of samples in 20 ms
   */
  join(id: string, coder: () => AudioCodec, route: Route = 'all'): void {
    const seat = this.#seats.get(id);
    const own = new Listener(coder());
    if (seat) Object.assign(seat, { own, coder, hears: undefined });
    else this.#seats.set(id, { party: new Party(id, route), own, coder, hears: undefined });
    this.#chooseRate();
  }

  leave(id: string): void {
    const seat = this.#seats.get(id);
    if (!seat) return;
    seat.party.route = 'nobody';
    this.#leaving.add(seat.party);
    this.#seats.delete(id);
    this.#election.left(id);
    this.#chooseRate();
  }

  /** Who hears this party from now on. Whoever whispers to somebody who left is heard by nobody. */
  route(id: string, route: Route): void {
    const seat = this.#seats.get(id);
    if (!seat) return;
    seat.party.route = route;
    if (route !== 'all') this.#election.left(id);
  }

  /** One packet of audio of a party. See `Party.packet`. */
  packet(id: string, ...packet: Parameters<Party['packet']>): void {
    this.#seats.get(id)?.party.packet(...packet);
  }

  #chooseRate(): void {
    if (this.#seats.size === 0) return;
    let least = rates[0]!;
    for (const { own } of this.#seats.values()) least = Math.min(least, own.codec.clockRate);
    const rate = rates.find((one) => one <= least) ?? 8000;
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#makeRoom();
  }

  #makeRoom(): void {
    const length = (this.#rate * frameMs) / 1000;
    this.#sum = new Int32Array(length);
    this.#mix = new Int16Array(length);
    this.#own = new Int16Array(length);
    this.#extra = new Int16Array(length);
  }

  /**
   * One beat.
   * @param skipped beats before it that were left out: what was said then is heard by nobody
   * @returns the whole mix at `rate`, to be used at once
   */
  beat(skipped: number, deliver: DeliverPayload, announce?: FillFrame): Int16Array {
    this.#beat += 1 + skipped;
    this.#sum.fill(0);
    this.#whispering.length = 0;
    for (const { party } of this.#seats.values()) this.#hear(party, skipped);
    for (const party of this.#leaving) this.#hear(party, skipped);
    if (announce?.(this.#extra, this.#rate)) add(this.#sum, this.#extra);
    limit(this.#sum, this.#mix);
    for (const seat of this.#seats.values()) this.#seatListener(seat);
    for (const seat of this.#seats.values()) this.#answer(seat, deliver);
    for (const { party } of this.#seats.values()) party.settle();
    this.#leaving.clear();
    this.#election.beat();
    return this.#mix;
  }

  #hear(party: Party, skipped: number): void {
    party.beat(this.#rate, skipped);
    if (!party.audible) return;
    if (party.route !== 'all') {
      this.#whispering.push(party);
      return;
    }
    add(this.#sum, party.frame);
    if (!this.#leaving.has(party)) this.#election.heard(party.id, party.power);
  }

  /** What this party hears is its own while it speaks, or somebody whispers to it. */
  #seatListener(seat: Seat): void {
    const { party, own, coder, hears } = seat;
    let alone = party.audible && party.route === 'all';
    for (const other of this.#whispering) alone ||= isFor(other, party);
    seat.hears = own;
    if (!alone) {
      const key = `${own.codec.name}/${own.codec.clockRate}`;
      seat.hears = this.#shared.get(key) ?? new Listener(coder());
      this.#shared.set(key, seat.hears);
    }
    seat.hears.prepare(this.#beat, this.#rate, hears);
  }

  #answer({ party, own, hears }: Seat, deliver: DeliverPayload): void {
    const listener = hears ?? own;
    let mix = this.#mix;
    if (listener === own) {
      mix = this.#own;
      if (party.audible && party.route === 'all') without(this.#sum, party.frame, mix);
      else mix.set(this.#mix);
      for (const other of this.#whispering) if (isFor(other, party)) mixInto(mix, other.frame);
    }
    deliver(party.id, listener.encode(mix, this.#beat), listener.samples);
  }
}

function isFor(whisperer: Party, party: Party): boolean {
  const { route } = whisperer;
  return typeof route === 'object' && route.to === party.id;
}

function add(sum: Int32Array, frame: Int16Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + frame[i]!;
}

function limit(sum: Int32Array, out: Int16Array): void {
  for (let i = 0; i < out.length; i++) out[i] = limited(sum[i]!);
}

/** The sum without what this party said itself. */
function without(sum: Int32Array, own: Int16Array, out: Int16Array): void {
  for (let i = 0; i < out.length; i++) out[i] = limited(sum[i]! - own[i]!);
}

function mixInto(mix: Int16Array, frame: Int16Array): void {
  for (let i = 0; i < mix.length; i++) mix[i] = limited(mix[i]! + frame[i]!);
}

function limited(sample: number): number {
  if (sample > 32_767) return 32_767;
  return sample < -32_768 ? -32_768 : sample;
}
