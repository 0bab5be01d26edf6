/**
 * Makes the record of each call that is over, once, and sees to it that every sink gets it: also when the process ends
 * before, where there is a journal.
 */
import { deserialize, serialize } from 'node:v8';
import { type LegStats, unpackSaved } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Observer, Unsubscribe } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import { type CallSnapshot, unpackCall } from '../recovery/call-snapshot.ts';
import type { FoundCall, Journal } from '../recovery/journal/journal.ts';
import { callPart, mediaPart } from '../recovery/recorder.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { DialogRegistry } from '../registry/registry.ts';
import { confirmed, confirmedNa } from '../registry/states.ts';
import type { StoredDialog } from '../registry/stored-dialog.ts';
import type { TandemEvents } from '../session/events.ts';
import type { Cdr, CdrGap } from './cdr.ts';
import { cdrOf, crashedCdr, storedCdr } from './cdr-of.ts';
import { type CdrSink, Outbox, type OutboxReport } from './outbox.ts';

/** Part of the journal with a record that is on its way, and with the times that the server was away. */
const cdrPart = 'cdr';
const gapsPart = 'gaps';
/** ms that the last statistics of a call may take. */
const statsMs = 2000;
/** Legs that are over and whose calls are not. */
const mostStats = 10_000;

export interface CdrBookPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: DialogRegistry;
  readonly observer: Observer<TandemEvents>;
  readonly sinks: readonly CdrSink[];
  journal(): Journal | undefined;
}

export class CdrBook {
  readonly #ports: CdrBookPorts;
  readonly #outboxes: readonly Outbox[];
  readonly #unsubscribe: readonly Unsubscribe[];
  /** By session, until their calls are forgotten. */
  readonly #stats = new Map<string, LegStats>();
  readonly #gaps = new Map<string, readonly CdrGap[]>();
  /** Those that a sink has not taken yet, as the journal has them. */
  readonly #pending = new Map<string, Uint8Array | undefined>();
  /** Calls of an earlier process. */
  readonly #earlier = new Set<string>();
  #closed = false;
  #onSettled: (() => void) | undefined;
  /** Hears of each new one. */
  onCdr: ((cdr: Cdr) => void) | undefined;

  constructor(ports: CdrBookPorts) {
    this.#ports = ports;
    const { registry, observer, sinks } = ports;
    this.#outboxes = sinks.map((sink) => new Outbox(sink, ports));
    this.#unsubscribe = [
      observer.on('media:stats', ({ sessionId, stats }) => this.#hear(sessionId, stats)),
      ...(['terminated', 'failed', 'expired'] as const).map((name) =>
        registry.on(name, ({ dialog }) => this.#note(dialog)),
      ),
      registry.on('destroyed', ({ dialog }) => this.#finish(dialog)),
      registry.on('untracked', ({ dialog }) => this.#forget(dialog)),
    ];
  }

  get report(): readonly OutboxReport[] {
    return this.#outboxes.map(({ report }) => report);
  }

  /** What the journal is to keep of a call when all else of it is removed. */
  kept(record: DialogRecord): ReadonlyMap<string, Uint8Array> {
    const cdr = this.#pending.get(record.id);
    return new Map(cdr ? [[cdrPart, cdr]] : []);
  }

  /**
   * A call of an earlier process goes on.
   * @param gap while nobody had it
   */
  recovered(record: DialogRecord, found: FoundCall, gap: CdrGap): void {
    this.#earlier.add(record.id);
    const gaps = [...gapsIn(found), gap];
    this.#gaps.set(record.id, gaps);
    this.#ports.journal()?.put(record.id, gapsPart, serialize(gaps));
  }

  /** What an earlier process left of calls that do not go on: each gets its record, if it has none. */
  left(found: readonly FoundCall[]): void {
    for (const one of found) {
      this.#earlier.add(one.call);
      const packed = one.parts.get(cdrPart);
      const written = packed && unpackCdr(packed);
      if (written) {
        this.#publish(written.cdr, written.taken);
        continue;
      }
      const state = one.parts.get(callPart);
      const call: CallSnapshot | undefined = state && unpackCall(state);
      const lastSeen = call ? lastWord(one, call) : this.#ports.clock.wallclock();
      this.#publish(crashedCdr(one.call, call, gapsIn(one), Math.floor(lastSeen / 1000)));
    }
  }

  /** What is left of calls that are over; most have their record among it. */
  leftOver(found: readonly FoundCall[]): void {
    this.left(found.filter(({ parts }) => parts.has(cdrPart)));
    // A step of a handler that was done after the end.
    for (const { call, parts } of found) if (!parts.has(cdrPart)) this.#ports.journal()?.remove(call);
  }

  /** A call of an earlier process that only the database knows. */
  orphan(id: string, stored: StoredDialog): void {
    if (this.#earlier.has(id)) return;
    this.#earlier.add(id);
    this.#publish(storedCdr(id, stored, Math.floor(this.#ports.clock.wallclock() / 1000)));
  }

  /** The call is over: from now on its record cannot get lost. */
  #note(record: DialogRecord): void {
    if (this.#closed || record.foreign) return;
    this.#keep(this.#cdrOf(record));
  }

  async #finish(record: DialogRecord): Promise<void> {
    if (this.#closed || record.foreign) return;
    if (record.state === confirmedNa || record.state === confirmed) return;
    if (!this.#pending.has(record.id)) this.#keep(this.#cdrOf(record));
    await this.#statsOf(record);
    const cdr = this.#cdrOf(record);
    this.#forget(record);
    this.#publish(cdr);
  }

  /** Resolves when the last statistics of its legs are in, or will not come any more. */
  #statsOf(record: DialogRecord): Promise<void> {
    const missing = new Set(record.legs.map(({ session }) => session.id).filter((id) => !this.#stats.has(id)));
    const hadAudio = record.legs.some(({ session }) => missing.has(session.id) && session.mediaLeg !== undefined);
    if (!hadAudio) return Promise.resolve();
    const { clock, observer } = this.#ports;
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        unsubscribe();
        resolve();
      };
      const timer = clock.setTimer(statsMs, done, 'last statistics of a call');
      const unsubscribe = observer.on('media:stats', ({ sessionId }) => {
        missing.delete(sessionId);
        if (missing.size === 0) done();
      });
    });
  }

  #cdrOf(record: DialogRecord): Cdr {
    return cdrOf(record, (session) => this.#stats.get(session), this.#gaps.get(record.id) ?? []);
  }

  #hear(session: string, stats: LegStats): void {
    this.#stats.set(session, stats);
    // Of a leg that was not answered nobody asks for them.
    const [oldest] = this.#stats.keys();
    if (oldest !== undefined && this.#stats.size > mostStats) this.#stats.delete(oldest);
  }

  #forget(record: DialogRecord): void {
    this.#gaps.delete(record.id);
    for (const { session } of record.legs) this.#stats.delete(session.id);
  }

  /** @param taken names of sinks that have it */
  #keep(cdr: Cdr, taken: readonly string[] = []): void {
    const journal = this.#ports.journal();
    const packed = journal && serialize({ cdr, taken } satisfies KeptCdr);
    this.#pending.set(cdr.id, packed);
    if (packed) journal.put(cdr.id, cdrPart, packed);
  }

  /** @param before names of sinks that have it from an earlier process; undefined when nobody was told of it yet */
  #publish(cdr: Cdr, before?: readonly string[]): void {
    if (this.#closed) return;
    const taken = [...(before ?? [])];
    const left = new Set(this.#outboxes.filter(({ name }) => !taken.includes(name)));
    let isKept = false;
    this.#keep(cdr, taken);
    if (!before) this.#tell(cdr);
    const settle = (): void => {
      if (left.size > 0) return;
      this.#pending.delete(cdr.id);
      if (!isKept) this.#ports.journal()?.remove(cdr.id);
      if (this.#pending.size === 0) this.#onSettled?.();
    };
    settle();
    for (const outbox of [...left])
      outbox.add(cdr, (isTaken) => {
        if (this.#closed) return;
        left.delete(outbox);
        if (isTaken) taken.push(outbox.name);
        // There was no room for it: the journal has it for the next process.
        else isKept = true;
        if (left.size > 0 || isKept) this.#keep(cdr, taken);
        settle();
      });
  }

  #tell(cdr: Cdr): void {
    try {
      this.onCdr?.(cdr);
    } catch (error) {
      this.#ports.logger.warn({ id: cdr.id, error: messageOf(error) }, 'onCdr failed');
    }
  }

  /** Resolves when every record that there is now is where it belongs. */
  settled(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }

  /** Makes none any more. What was not taken is in the journal. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await Promise.all(this.#outboxes.map((outbox) => outbox.close()));
  }
}

/** Unix ms of the newest state of a call, or of its media. */
function lastWord({ parts }: FoundCall, call: CallSnapshot): number {
  const legs = call.legs.map(({ session }) => takenAt(session.media && parts.get(mediaPart(session.media.leg))));
  return Math.max(call.at, ...legs);
}

function takenAt(packed: Uint8Array | undefined): number {
  try {
    return packed ? unpackSaved(packed).snapshot.takenAt : 0;
  } catch {
    return 0;
  }
}

function gapsIn({ parts }: FoundCall): readonly CdrGap[] {
  const packed = parts.get(gapsPart);
  try {
    return packed ? (deserialize(packed) as readonly CdrGap[]) : [];
  } catch {
    return [];
  }
}

interface KeptCdr {
  readonly cdr: Cdr;
  /** Names of the sinks that have it. */
  readonly taken: readonly string[];
}

function unpackCdr(packed: Uint8Array): KeptCdr | undefined {
  try {
    const kept = deserialize(packed) as Partial<KeptCdr>;
    return kept.cdr && kept.taken ? { cdr: kept.cdr, taken: kept.taken } : undefined;
  } catch {
    return undefined;
  }
}
