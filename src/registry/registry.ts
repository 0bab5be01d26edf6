/** All calls of one Tandem: found, listed, counted, and told of. */
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { type Listener, Observer, type Unsubscribe } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import { type Random, token } from '../base/random.ts';
import type { CallData } from '../session/call-data.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import { MemorySteps, type StepStore } from '../session/steps.ts';
import type { HeaderField } from '../sip/message.ts';
import type { DialogRegistryEvents } from './events.ts';
import { KeepAlive } from './keep-alive.ts';
import { type RegistryOptions, type RegistrySettings, registrySettings } from './options.ts';
import { Profiles } from './profiles.ts';
import { DialogRecord } from './record.ts';
import type { RecordHouse } from './record-house.ts';
import { type RecordSnapshot, snapshotOf } from './record-snapshot.ts';
import { confirmed, confirmedNa, type DialogState, deleted, early, unconfirmed } from './states.ts';
import type { StoredDialog } from './stored-dialog.ts';
import { type DialogId, DialogTable } from './table.ts';
import { TimerWheel } from './timer-wheel.ts';

/** Kamailio's five statistics. */
export interface DialogStatistics {
  /** Answered and not over. */
  readonly active: number;
  readonly early: number;
  /** Begun since the start. */
  readonly processed: number;
  /** Whose time was up. */
  readonly expired: number;
  /** That were not answered. */
  readonly failed: number;
}

/** How many calls are in which state. */
export interface ActiveDialogs {
  readonly starting: number;
  readonly connecting: number;
  readonly answering: number;
  readonly ongoing: number;
  readonly all: number;
}

export interface RegistryPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Gives a leg of that call another partner. */
  connect(leg: DialogSession, to: string, headers: readonly HeaderField[]): Promise<void>;
  /** Calls `from`, asks it to call `to`, and hangs up. */
  bridgeBySip(from: string, to: string, how: BridgeCalls): Promise<void>;
  /** Where the steps of a call are kept; default: in memory. */
  stepsOf?(id: string): StepStore | undefined;
  /** Makes sessions for both sides of a call that another server set up. @returns false when there is no way to them */
  foreignLegs(stored: StoredDialog, data: CallData): boolean;
  /** Calls both and connects them. */
  bridgeHere(from: string, to: string, how: BridgeCalls): Promise<void>;
}

export interface BridgeCalls {
  /** Who calls: a URI; default our own address. */
  readonly from?: string;
  /** A proxy to send everything through: a SIP URI. */
  readonly proxy?: string;
}

/** How `bridgeDlg` connects two: they talk without us (`refer`, as Kamailio does it), or through us (`call`). */
export type BridgeMode = 'refer' | 'call';

export class DialogRegistry {
  readonly settings: RegistrySettings;
  readonly profiles: Profiles;
  readonly #ports: RegistryPorts;
  readonly #observer: Observer<DialogRegistryEvents>;
  readonly #table: DialogTable;
  readonly #wheel: TimerWheel;
  readonly #keepAlive: KeepAlive;
  readonly #house: RecordHouse;
  /** How many are in each state. */
  readonly #counts: Record<DialogState, number> = { 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 };
  #processed = 0;
  #expired = 0;
  #failed = 0;

  /** @throws ConfigError for options that cannot be */
  constructor(options: RegistryOptions, ports: RegistryPorts) {
    const settings = registrySettings(options);
    const { clock, random, logger } = ports;
    this.settings = settings;
    this.#ports = ports;
    this.profiles = new Profiles(settings.profilesWithValue, settings.profilesNoValue);
    const failed = (event: string, error: unknown): void =>
      logger.warn({ event, error: messageOf(error) }, 'a registry listener failed');
    const observer = new Observer<DialogRegistryEvents>(failed);
    this.#observer = observer;
    this.#table = new DialogTable(settings.hashSize, settings.hIdStart, settings.hIdStep, random);
    this.#wheel = new TimerWheel(clock, 'registry');
    this.#keepAlive = new KeepAlive(settings, this.#wheel, () => clock.now() / 1000);
    this.#house = {
      settings,
      profiles: this.profiles,
      wheel: this.#wheel,
      wallclock: () => clock.wallclock(),
      enter: (record) => this.#enter(record),
      reenter: (record, state) => this.#reenter(record, state),
      stepsOf: (id) => ports.stepsOf?.(id) ?? new MemorySteps(),
      newId: () => token(random, 12),
      leave: (record) => {
        this.#table.remove(record);
      },
      name: (name, record) => this.#table.name(name, record),
      unname: (name, record) => this.#table.unname(name, record),
      confirmed: (record) => this.#keepAlive.add(record),
      moved: (from, to) => this.#moved(from, to),
      expired: () => {
        this.#expired++;
      },
      has: (name) => observer.has(name),
      emit: (name, payload) => observer.emit(name, payload),
      emitNow: (name, payload) => observer.emitNow(name, payload),
      connect: (leg, to, headers) => ports.connect(leg, to, headers),
      listenerFailed: failed,
    };
  }

  /** The calls that are listed, those that are just over as well. */
  get size(): number {
    return this.#table.count;
  }

  get statistics(): DialogStatistics {
    const counts = this.#counts;
    return {
      active: counts[confirmedNa] + counts[confirmed],
      early: counts[early],
      processed: this.#processed,
      expired: this.#expired,
      failed: this.#failed,
    };
  }

  /** Sets a statistic that only rises to 0. @returns false for one that cannot be */
  reset(name: 'processed' | 'expired' | 'failed' | string): boolean {
    if (name === 'processed') this.#processed = 0;
    else if (name === 'expired') this.#expired = 0;
    else if (name === 'failed') this.#failed = 0;
    else return false;
    return true;
  }

  get activeDialogs(): ActiveDialogs {
    const counts = this.#counts;
    const [starting, connecting] = [counts[unconfirmed], counts[early]];
    const [answering, ongoing] = [counts[confirmedNa], counts[confirmed]];
    return { starting, connecting, answering, ongoing, all: starting + connecting + answering + ongoing };
  }

  /** Kamailio's callbacks and routes by name. A listener that throws or is slow hurts nobody. */
  on<K extends keyof DialogRegistryEvents>(name: K, listener: Listener<DialogRegistryEvents[K]>): Unsubscribe {
    return this.#observer.on(name, listener);
  }

  // ---- finding

  /** All that are listed, by slots; calls may come and go while it is read. */
  [Symbol.iterator](): Iterator<DialogRecord> {
    return this.#table[Symbol.iterator]();
  }

  get(hEntry: number, hId: number): DialogRecord | undefined {
    return this.#table.get({ hEntry, hId });
  }

  /** Those that have, or had, a leg with this Call-ID. */
  withCallId(callId: string): readonly DialogRecord[] {
    return this.#table.named(callId);
  }

  /** By the Call-ID and tags of either leg, in either order; without the second tag that of one side is enough. */
  find(callId: string, fromTag: string, toTag?: string): DialogRecord | undefined {
    return this.#table.named(callId).find((record) => record.isNamedBy(callId, fromTag, toTag));
  }

  /** Of a call that runs here; undefined if it is not tracked. */
  of(session: DialogSession): DialogRecord | undefined {
    return session.data instanceof DialogRecord && session.data.tracked ? session.data : undefined;
  }

  /** Those whose caller or callee has this URI, as its From or To says. */
  withPeer(uri: string): readonly DialogRecord[] {
    return this.#table.named(uri);
  }

  // ---- what is done from here

  /**
   * Connects two who have nothing to do with us yet.
   * @param proxy a SIP URI to call both through
   * @throws DialogResponseError when one refuses; TandemError
   */
  bridgeDlg(from: string, to: string, mode: BridgeMode = 'refer', proxy?: string): Promise<void> {
    const { bridgeController } = this.settings;
    const how: BridgeCalls = {
      ...(bridgeController === undefined ? {} : { from: bridgeController }),
      ...(proxy === undefined ? {} : { proxy }),
    };
    return mode === 'refer' ? this.#ports.bridgeBySip(from, to, how) : this.#ports.bridgeHere(from, to, how);
  }

  /** Asks the listeners of `rpcContext` what they have to say of a call. */
  contextOf(dialog: DialogRecord): Readonly<Record<string, string | number>> {
    const context: Record<string, string | number> = {};
    this.#observer.emitNow('rpcContext', { dialog, at: this.#ports.clock.wallclock(), context });
    return context;
  }

  // ---- for the house

  /**
   * @internal What a new call carries. A Call-ID alone names no call of ours: anybody can send it.
   * @param callId of its INVITE, if it came from a peer
   * @param fromTag likewise
   */
  callData(callId?: string, fromTag?: string): CallData {
    const known = callId === undefined || !this.settings.detectSpirals ? [] : this.withCallId(callId);
    const spiral = known.find(
      (record) => record.tracked && record.state !== deleted && record.isNamedBy(callId ?? '', fromTag ?? ''),
    );
    if (!spiral) return new DialogRecord(this.#house);
    this.#observer.emit('spiraled', { dialog: spiral, at: this.#ports.clock.wallclock() });
    return spiral;
  }

  /**
   * @internal A call of an earlier process: its legs are to `rejoin`.
   * @returns undefined when another call has its number, or the slots are others (`hashSize`)
   */
  restore(snapshot: RecordSnapshot): DialogRecord | undefined {
    const record = new DialogRecord(this.#house, snapshot.id);
    return record.restore(snapshot) ? record : undefined;
  }

  /**
   * Takes up a call that another server, or an earlier process, left in a store: it is listed, and can be ended, and
   * has no audio here.
   * @returns undefined when another call has its number, or the slots are others (`hashSize`)
   */
  load(stored: StoredDialog): DialogRecord | undefined {
    const record = this.restore(snapshotOf(stored, token(this.#ports.random, 12)));
    if (!record) return undefined;
    record.foreign = true;
    if (!this.#ports.foreignLegs(stored, record))
      this.#ports.logger.warn(
        { callId: stored.callId },
        'a call from the store is listed, but cannot be ended from here',
      );
    record.loaded();
    return record;
  }

  /** @internal */
  close(): void {
    this.#keepAlive.close();
    this.#wheel.close();
  }

  #enter(record: DialogRecord): DialogId {
    const id = this.#table.newId(record.callId);
    // The record knows its number only after this call.
    this.#table.add(record, id);
    return id;
  }

  #reenter(record: DialogRecord, state: DialogState): boolean {
    if (!this.#table.addAgain(record)) return false;
    if (state !== deleted) this.#counts[state]++;
    return true;
  }

  #moved(from: DialogState | undefined, to: DialogState | undefined): void {
    if (from === undefined) this.#processed++;
    else if (from !== deleted) this.#counts[from]--;
    if (to === undefined || to === deleted) {
      if (to === deleted && (from === unconfirmed || from === early)) this.#failed++;
      return;
    }
    this.#counts[to]++;
  }
}
