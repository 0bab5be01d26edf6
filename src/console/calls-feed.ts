/**
 * The rows of all calls that run, as JSON, kept up to date while somebody looks. Built in slices, so that ten thousand of
 * them delay no call; what changed is put together once for all who look.
 */
import { setImmediate } from 'node:timers/promises';
import type { Unsubscribe } from '../base/events.ts';
import type { DialogRegistryEvents } from '../registry/events.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { DialogRegistry } from '../registry/registry.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import { type RowContext, rowId, rowOf } from './rows.ts';

/** ms of building rows in one turn. */
const sliceMs = 4;
const rowsPerMessage = 500;
const changes = [
  'created',
  'loaded',
  'changed',
  'early',
  'confirmedNa',
  'confirmed',
  'terminated',
  'failed',
] as const satisfies readonly (keyof DialogRegistryEvents)[];
const ends = ['destroyed', 'untracked'] as const satisfies readonly (keyof DialogRegistryEvents)[];

export class CallsFeed {
  readonly #registry: DialogRegistry;
  readonly #context: RowContext;
  readonly #failed: (record: DialogRecord, error: unknown) => void;
  readonly #rows = new Map<string, string>();
  readonly #mos = new WeakMap<DialogSession, number>();
  readonly #dirty = new Set<DialogRecord>();
  readonly #gone = new Set<string>();
  #unsubscribe: readonly Unsubscribe[] = [];

  /** @param failed told of a call that cannot be shown: the others are */
  constructor(registry: DialogRegistry, failed: (record: DialogRecord, error: unknown) => void) {
    this.#registry = registry;
    this.#failed = failed;
    this.#context = { recordOf: (session) => registry.of(session), mosOf: (session) => this.#mos.get(session) };
  }

  get isOn(): boolean {
    return this.#unsubscribe.length > 0;
  }

  get context(): RowContext {
    return this.#context;
  }

  /** Somebody looks: every call has its row after the next `changes`. */
  start(): void {
    if (this.isOn) return;
    this.#unsubscribe = [
      ...changes.map((name) => this.#registry.on(name, ({ dialog }) => void this.#dirty.add(dialog))),
      ...ends.map((name) => this.#registry.on(name, ({ dialog }) => this.#leave(dialog))),
    ];
    for (const record of this.#registry) this.#dirty.add(record);
  }

  /** Nobody looks any more. */
  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
    this.#rows.clear();
    this.#dirty.clear();
    this.#gone.clear();
  }

  /** How a leg sounds; its row is sent again if that is another tenth. */
  heard(session: DialogSession, mos: number): void {
    const rounded = Math.round(mos * 10) / 10;
    if (this.#mos.get(session) === rounded) return;
    this.#mos.set(session, rounded);
    const record = this.#registry.of(session);
    if (record && this.isOn) this.#dirty.add(record);
  }

  /** All rows as they are when each is taken, as whole messages; the first says that it begins anew. */
  *all(): Generator<string> {
    let rows: string[] = [];
    let isFirst = true;
    const message = (): string => {
      const text = messageOf(rows, [], isFirst);
      isFirst = false;
      rows = [];
      return text;
    };
    // What leaves meanwhile is told to everybody.
    for (const id of [...this.#rows.keys()]) {
      const row = this.#rows.get(id);
      if (row !== undefined) rows.push(row);
      if (rows.length >= rowsPerMessage) yield message();
    }
    if (isFirst || rows.length > 0) yield message();
  }

  /** What changed since the last time, as whole messages. Not to be asked for before the last one is done. */
  async *changes(): AsyncGenerator<string, void, void> {
    const records = [...this.#dirty];
    this.#dirty.clear();
    let changed: string[] = [];
    let begun = performance.now();
    for (const record of records) {
      if (changed.length >= rowsPerMessage) {
        yield messageOf(changed, [], false);
        changed = [];
      }
      if (performance.now() - begun > sliceMs) {
        await setImmediate();
        begun = performance.now();
      }
      // Nobody looks any more.
      if (!this.isOn) return;
      // It may have left while others were built.
      if (this.#registry.get(record.hEntry, record.hId) !== record) continue;
      const row = this.#rowOf(record);
      const id = rowId(record);
      if (row === undefined || this.#rows.get(id) === row) continue;
      this.#rows.set(id, row);
      changed.push(row);
    }
    const gone = [...this.#gone];
    this.#gone.clear();
    if (changed.length + gone.length > 0) yield messageOf(changed, gone, false);
  }

  #rowOf(record: DialogRecord): string | undefined {
    try {
      return JSON.stringify(rowOf(record, this.#context));
    } catch (error) {
      this.#failed(record, error);
      return undefined;
    }
  }

  #leave(record: DialogRecord): void {
    const id = rowId(record);
    this.#dirty.delete(record);
    if (this.#rows.delete(id)) this.#gone.add(id);
  }
}

function messageOf(rows: readonly string[], gone: readonly string[], full: boolean): string {
  return `{"type":"calls","full":${full},"changed":[${rows.join(',')}],"gone":${JSON.stringify(gone)}}`;
}
