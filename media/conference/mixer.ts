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

/**
 * Takes the payload of a beat for one party; it is shared: it may not be written to, nor kept. An empty one stands for
 * silence that the codec does not send. `ticks` are those of its RTP clock.
 */
export type DeliverPayload = (party: string, payload: Uint8Array, ticks: number) => void;

/** What everybody is to hear besides. @returns false when there is nothing in this beat */
export type FillFrame = (out: Int16Array, rate: number) => boolean;

interface Seat {
  readonly party: Party;
  /** For when it hears what nobody else does. */
  readonly own: Listener;
  /** Makes a coder for its codec. */
  readonly coder: () => AudioCodec;
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
   * @param coder makes a coder of its codec, whose sample rate has a whole number of samples in 20 ms
   * @returns where its packets go
   */
  join(id: string, coder: () => AudioCodec, route: Route = 'all'): Party {
    const before = this.#seats.get(id);
    before?.own.close();
    const party = before?.party ?? new Party(id, route);
    this.#seats.set(id, { party, own: new Listener(coder()), coder, hears: undefined });
    this.#chooseRate();
    return party;
  }

  leave(id: string): void {
    const seat = this.#seats.get(id);
    if (!seat) return;
    seat.party.route = 'nobody';
    this.#leaving.add(seat.party);
    seat.own.close();
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

  /** Lets go of all coders. */
  close(): void {
    for (const id of [...this.#seats.keys()]) this.leave(id);
    for (const listener of this.#shared.values()) listener.close();
    this.#shared.clear();
  }

  #chooseRate(): void {
    if (this.#seats.size === 0) return;
    let least = rates[0]!;
    for (const { own } of this.#seats.values()) least = Math.min(least, own.codec.sampleRate);
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
   * @param now ms, on the clock of the packets
   * @returns the whole mix at `rate`, to be used at once
   */
  beat(now: number, deliver: DeliverPayload, announce?: FillFrame): Int16Array {
    this.#beat++;
    this.#sum.fill(0);
    this.#whispering.length = 0;
    for (const { party } of this.#seats.values()) this.#hear(party, now);
    for (const party of this.#leaving) this.#hear(party, now);
    if (announce?.(this.#extra, this.#rate)) add(this.#sum, this.#extra);
    limit(this.#sum, this.#mix);
    for (const seat of this.#seats.values()) this.#seatListener(seat);
    for (const seat of this.#seats.values()) this.#answer(seat, deliver);
    for (const { party } of this.#seats.values()) party.settle();
    this.#leaving.clear();
    this.#election.beat();
    return this.#mix;
  }

  #hear(party: Party, now: number): void {
    party.beat(this.#rate, now);
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
      const key = `${own.codec.name}/${own.codec.sampleRate}`;
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
    deliver(party.id, listener.encode(mix, this.#beat), listener.ticks);
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
