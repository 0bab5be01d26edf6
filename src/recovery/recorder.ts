/** Writes what a later process needs to go on with the calls of this one, as they go on. */
import type { MediaLeg } from '../../media/index.ts';
import type { Unsubscribe } from '../base/events.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { DialogRegistry } from '../registry/registry.ts';
import { packCall, snapshotCall } from './call-snapshot.ts';
import type { Journal } from './journal/journal.ts';

export const callPart = 'call';
/** Of the state of a media leg. @param leg its id */
export const mediaPart = (leg: string): string => `media/${leg}`;

export interface RecorderPorts {
  readonly registry: DialogRegistry;
  readonly journal: Journal;
  /** What stays of a call that is over, by part. */
  kept(record: DialogRecord): ReadonlyMap<string, Uint8Array>;
  /** The call that a media leg is in. */
  recordOf(leg: MediaLeg): DialogRecord | undefined;
  /** Unix ms. */
  wallclock(): number;
}

export class CallRecorder {
  readonly #ports: RecorderPorts;
  readonly #unsubscribe: readonly Unsubscribe[];
  readonly #changed = new Set<DialogRecord>();
  /** Whose media legs are whose. */
  readonly #owners = new Map<string, DialogRecord>();
  /** The media legs of each call, and whether the journal has a state of them. */
  readonly #legs = new Map<DialogRecord, Map<string, boolean>>();
  /** States of legs whose call is not known yet. */
  readonly #early = new Map<string, { readonly leg: MediaLeg; readonly packed: Uint8Array; readonly serial: number }>();
  #closed = false;

  constructor(ports: RecorderPorts) {
    this.#ports = ports;
    const { registry } = ports;
    this.#unsubscribe = [
      ...(['created', 'changed', 'terminated', 'failed'] as const).map((name) =>
        registry.on(name, ({ dialog }) => this.note(dialog)),
      ),
      ...(['untracked', 'destroyed'] as const).map((name) => registry.on(name, ({ dialog }) => this.#forget(dialog))),
    ];
  }

  /** Something of this call is another thing now: it is written when this turn is through. */
  note(record: DialogRecord): void {
    if (this.#closed || record.foreign || !record.tracked) return;
    if (this.#changed.size === 0) queueMicrotask(() => this.flush());
    this.#changed.add(record);
  }

  /** The engine of a leg has told its state. @param serial of that state */
  saved(leg: MediaLeg, packed: Uint8Array, serial: number): void {
    if (this.#closed) return;
    const record = this.#owners.get(leg.id) ?? this.#ports.recordOf(leg);
    if (!record) {
      // Of a call that is being built again: it has its first word before it has its session.
      this.#early.set(leg.id, { leg, packed, serial });
      return;
    }
    this.#early.delete(leg.id);
    const { journal } = this.#ports;
    if (record.tracked) {
      this.#own(record, leg.id);
      this.#legs.get(record)?.set(leg.id, true);
      journal.put(record.id, mediaPart(leg.id), packed);
    }
    // What nobody will go on with may go as far as it likes.
    void journal.written().then(() => leg.stored(serial));
  }

  /** Writes what has changed. */
  flush(): void {
    const { journal } = this.#ports;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const record of changed) {
      const call = snapshotCall(record, this.#ports.wallclock());
      journal.put(record.id, callPart, packCall(call));
      const legs = new Set(
        call.legs.flatMap(({ session, isLeaving }) => (isLeaving ? [] : (session.media?.leg ?? []))),
      );
      this.#ownAll(record, legs);
    }
  }

  #own(record: DialogRecord, leg: string): void {
    const known = this.#legs.get(record) ?? new Map<string, boolean>();
    this.#legs.set(record, known);
    this.#owners.set(leg, record);
    if (!known.has(leg)) known.set(leg, false);
    const early = this.#early.get(leg);
    if (early) this.saved(early.leg, early.packed, early.serial);
  }

  #ownAll(record: DialogRecord, legs: ReadonlySet<string>): void {
    for (const leg of legs) this.#own(record, leg);
    const known = this.#legs.get(record) ?? new Map<string, boolean>();
    for (const [leg, isKept] of known) {
      if (legs.has(leg)) continue;
      known.delete(leg);
      this.#disown(record, leg);
      if (isKept) this.#ports.journal.remove(record.id, mediaPart(leg));
    }
  }

  /** Its media may be another call's by now (`takeOver`). */
  #disown(record: DialogRecord, leg: string): void {
    if (this.#owners.get(leg) === record) this.#owners.delete(leg);
  }

  #forget(record: DialogRecord): void {
    this.#changed.delete(record);
    for (const leg of this.#legs.get(record)?.keys() ?? []) this.#disown(record, leg);
    this.#legs.delete(record);
    const { journal, kept } = this.#ports;
    journal.remove(record.id);
    // In the same batch: what is to outlive the call.
    for (const [part, value] of kept(record)) journal.put(record.id, part, value);
  }

  /** Writes nothing any more. */
  close(): void {
    this.flush();
    this.#closed = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }
}
