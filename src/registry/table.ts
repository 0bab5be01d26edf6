/**
 * The calls of one server: in slots by the hash of their Call-ID, as Kamailio keeps them, and found by the Call-ID of
 * any of their legs.
 */
import type { Random } from '../base/random.ts';
import { hashSlot } from './hash.ts';
import type { DialogRecord } from './record.ts';

export interface DialogId {
  readonly hEntry: number;
  readonly hId: number;
}

export class DialogTable {
  readonly #size: number;
  readonly #start: number;
  readonly #step: number;
  readonly #random: Random;
  /** By h_id, in the order in which they came. */
  readonly #slots = new Map<number, Map<number, DialogRecord>>();
  /** How many numbers each slot has given. */
  readonly #given: Uint32Array;
  /** Most names are of one call, and a trunk's of thousands. */
  readonly #byName = new Map<string, DialogRecord | Set<DialogRecord>>();
  #count = 0;

  constructor(size: number, start: number, step: number, random: Random) {
    this.#size = size;
    this.#start = start;
    this.#step = step;
    this.#random = random;
    this.#given = new Uint32Array(size);
  }

  get count(): number {
    return this.#count;
  }

  /** A new number in the slot of this Call-ID. */
  newId(callId: string): DialogId {
    const hEntry = hashSlot(callId, this.#size);
    const slot = this.#slots.get(hEntry);
    // The first is not the same after every start: an identifier of yesterday is not one of today.
    let given = this.#given[hEntry] || this.#random.uint32() % (3 * this.#size);
    let hId = 0;
    do {
      given++;
      hId = (this.#start + given * this.#step) % 2 ** 31;
    } while (hId === 0 || slot?.has(hId));
    this.#given[hEntry] = given;
    return { hEntry, hId };
  }

  add(record: DialogRecord, { hEntry, hId }: DialogId): void {
    const slot = this.#slots.get(hEntry) ?? new Map<number, DialogRecord>();
    this.#slots.set(hEntry, slot.set(hId, record));
    this.#count++;
  }

  /** @returns false when its number is taken, or its slot is not that of its Call-ID here */
  addAgain(record: DialogRecord): boolean {
    const { hEntry, hId, callId } = record;
    if (hashSlot(callId, this.#size) !== hEntry || hId === 0 || this.get(record)) return false;
    this.add(record, { hEntry, hId });
    return true;
  }

  remove(record: DialogRecord): void {
    const slot = this.#slots.get(record.hEntry);
    if (!slot?.delete(record.hId)) return;
    if (slot.size === 0) this.#slots.delete(record.hEntry);
    this.#count--;
  }

  get({ hEntry, hId }: DialogId): DialogRecord | undefined {
    return this.#slots.get(hEntry)?.get(hId);
  }

  /** By the Call-ID of a leg, or the URI of a peer. */
  named(name: string): readonly DialogRecord[] {
    const named = this.#byName.get(name);
    if (!named) return [];
    return named instanceof Set ? [...named] : [named];
  }

  name(name: string, record: DialogRecord): void {
    const named = this.#byName.get(name);
    if (named instanceof Set) named.add(record);
    else if (named !== record) this.#byName.set(name, named ? new Set([named, record]) : record);
  }

  unname(name: string, record: DialogRecord): void {
    const named = this.#byName.get(name);
    if (named instanceof Set) named.delete(record);
    if (named === record || (named instanceof Set && named.size === 0)) this.#byName.delete(name);
  }

  /** By slots. What comes or goes meanwhile is there or not; nothing is twice. */
  *[Symbol.iterator](): Iterator<DialogRecord> {
    for (let hEntry = 0; hEntry < this.#size; hEntry++) {
      const slot = this.#slots.get(hEntry);
      if (slot) yield* [...slot.values()];
    }
  }
}
