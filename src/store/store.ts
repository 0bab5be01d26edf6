/**
 * The database of one Tandem: hears what the registry tells of calls, writes it when the mode says, and reads it at the
 * start. A database that is away, full or broken never holds up a call: what there is to write waits.
 */
import { type Clock, type Timer, within } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Unsubscribe } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { createSeal, type Seal } from '../base/sealed.ts';
import type { Cdr } from '../cdr/cdr.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { DialogRegistry } from '../registry/registry.ts';
import type { StoredDialog } from '../registry/stored-dialog.ts';
import type { CdrSearch } from './cdr-reader.ts';
import { CdrWriter } from './cdr-writer.ts';
import { storedCallId } from './columns.ts';
import { type Database, openDatabase } from './database.ts';
import { type StoredLeg, storedLegsIn } from './dialog-rows.ts';
import { DialogWriter } from './dialog-writer.ts';
import { type LoadedDialog, loadDialogs } from './loader.ts';
import { type StoreMode, type StoreOptions, type StoreSettings, storeSettings } from './options.ts';
import type { ExtraRow } from './own-tables.ts';
import { maskedUrl, parseStoreUrl, type StoreUrl } from './url.ts';

/** What changes within so many ms is written at once. */
const tickMs = 50;
const firstRetryMs = 250;
const lastRetryMs = 5_000;
/** How long the database may take for one piece of work. */
const patienceMs = 15_000;
/** How long `close` waits for it. */
const farewellMs = 5_000;
const hourMs = 3_600_000;
/** With it comes Kysely, which nobody waits for who has no database. */
const reader = () => import('./cdr-reader.ts');
/** Calls of an earlier run that are handed over at once. */
const mostHandedOver = 100;

export interface StorePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Name of the machine. */
  readonly hostName: string;
  /** Without it only call detail records are written. */
  readonly registry?: DialogRegistry | undefined;
  /**
   * Takes what is left of a call that ran on this server when it ended. Its rows are removed when this resolves.
   * Without it such calls are listed as those of another server are: they can be ended.
   * @param legs undefined where they cannot be read
   */
  onOrphan?(stored: StoredDialog, legs: readonly StoredLeg[] | undefined, id: string): void | Promise<void>;
  /** @internal Opens databases; default: as the URL says. */
  open?(url: StoreUrl, logger: Logger): Promise<Database>;
}

export interface StoreHealth {
  readonly mode: StoreMode;
  /** Without the password. */
  readonly url: string;
  readonly required: boolean;
  /** `lost`: it is tried again and again. */
  readonly state: 'opening' | 'ready' | 'lost' | 'closed';
  /** Of a database that is lost: why, and what to do. */
  readonly error: string | undefined;
  /** Unix ms of the last change of `state`. */
  readonly since: number;
  /** Calls whose rows are not up to date. */
  readonly pending: number;
  /** Call detail records that wait. */
  readonly cdrs: number;
  /** Rows that were given up: refused by the database, or too many. */
  readonly dropped: number;
  /** How often the database was lost. */
  readonly losses: number;
  /** Calls that were read at the start. */
  readonly loaded: number;
}

/**
 * Opens the database, and reads the calls that are in it.
 * @throws ConfigError for options that cannot be, or a package that is missing; with `required` also TandemError
 * ERR_STORE when the database cannot be opened
 */
export async function openStore(options: StoreOptions, ports: StorePorts): Promise<Store> {
  const store = new Store(options, ports);
  await store.open();
  return store;
}

export class Store {
  readonly #settings: StoreSettings;
  readonly #ports: StorePorts;
  readonly #url: StoreUrl;
  readonly #shownUrl: string;
  readonly #server: string;
  readonly #seal: Seal | undefined;
  readonly #dialogs: DialogWriter;
  readonly #cdrs: CdrWriter;
  readonly #timers = new Map<'tick' | 'period' | 'retry' | 'retention', Timer>();
  #subscriptions: readonly Unsubscribe[] = [];
  #database: Database | undefined;
  #state: StoreHealth['state'] = 'opening';
  #since: number;
  #error: string | undefined;
  #losses = 0;
  #retryMs = firstRetryMs;
  #loaded = 0;
  #isLoaded = false;
  #isDue = false;
  #working: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Opens nothing yet. @throws ConfigError */
  constructor(options: StoreOptions, ports: StorePorts) {
    this.#settings = storeSettings(options);
    this.#ports = ports;
    this.#url = parseStoreUrl(options.url);
    this.#shownUrl = maskedUrl(options.url);
    this.#server = this.#settings.serverName ?? (this.#url.kind === 'sqlite' ? 'tandem' : ports.hostName);
    this.#since = ports.clock.wallclock();
    const { logger, random } = ports;
    const { encryptionKey } = options;
    const seal = encryptionKey === undefined ? undefined : createSeal(encryptionKey, random);
    this.#seal = seal;
    this.#dialogs = new DialogWriter({
      settings: this.#settings,
      server: this.#server,
      logger,
      sealed: (json) => (seal ? `${sealedMark}${Buffer.from(seal.seal(Buffer.from(json))).toString('base64')}` : json),
    });
    this.#cdrs = new CdrWriter(this.#server, logger);
  }

  get health(): StoreHealth {
    return {
      mode: this.#settings.mode,
      url: this.#shownUrl,
      required: this.#settings.required,
      state: this.#state,
      error: this.#error,
      since: this.#since,
      pending: this.#dialogs.pending,
      cdrs: this.#cdrs.pending,
      dropped: this.#dialogs.refused + this.#cdrs.dropped,
      losses: this.#losses,
      loaded: this.#loaded,
    };
  }

  /** Once. @throws as `openStore` */
  async open(): Promise<void> {
    this.#listen();
    try {
      await this.#connect();
    } catch (error) {
      if (isConfiguration(error) || this.#settings.required) {
        await this.close();
        if (isConfiguration(error)) throw error;
        throw new TandemError('ERR_STORE', `the store ${this.#shownUrl}: ${messageOf(error)}`, { cause: error });
      }
      this.#lose(error);
    }
  }

  /**
   * Writes the record of a call that is over; one that is there already stays as it is.
   * @returns when it is in the database, however long that is away
   * @throws TandemError ERR_STORE when it will not be
   */
  writeCdr(cdr: Cdr): Promise<void> {
    if (this.#closing) return Promise.reject(new TandemError('ERR_STORE', 'the store is closed'));
    const written = this.#cdrs.add(cdr);
    this.#soon();
    return written;
  }

  /** Records of calls that are over, the latest to end first. @throws TandemError ERR_STORE while the database is away */
  findCdrs(search: CdrSearch): Promise<readonly Cdr[]> {
    return this.#read(async (database) => (await reader()).readCdrs(database, search));
  }

  /** @throws as `findCdrs` */
  cdr(id: string): Promise<Cdr | undefined> {
    return this.#read(async (database) => (await reader()).readCdr(database, id));
  }

  async #read<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const database = this.#database;
    if (this.#state !== 'ready' || !database) throw new TandemError('ERR_STORE', `the database is ${this.#state}`);
    return this.#patiently(work(database));
  }

  /** Writes all that there is to write now, whatever the mode. @returns when it is written, or the database is lost */
  async flush(): Promise<void> {
    this.#isDue = true;
    do await this.#work();
    while (this.#isDue && this.#state === 'ready');
  }

  /** Writes what is left, of calls that still run as well. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { registry, clock, logger } = this.#ports;
    for (const end of this.#subscriptions) end();
    if (this.#settings.mode !== 'none' && registry && this.#isLoaded)
      for (const record of registry) this.#dialogs.touch(record);
    if (this.#state === 'ready') await within(clock, farewellMs, this.flush());
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    const { pending, cdrs } = this.health;
    if (pending + cdrs > 0) logger.error({ calls: pending, cdrs }, 'the store is closed before all was written');
    this.#cdrs.close();
    this.#turn('closed', undefined);
    await this.#drop();
  }

  // ---- hearing

  #listen(): void {
    const { registry } = this.#ports;
    const { mode } = this.#settings;
    if (!registry || mode === 'none' || mode === 'shutdown') return;
    const hear = ({ dialog }: { readonly dialog: DialogRecord }): void => {
      const what = this.#dialogs.touch(dialog);
      if (what === 'ended' || (what === 'changed' && mode === 'realtime')) this.#soon();
    };
    this.#subscriptions = [
      registry.on('changed', hear),
      registry.on('requestWithin', hear),
      registry.on('responseWithin', hear),
      registry.on('terminated', hear),
      registry.on('expired', hear),
      registry.on('destroyed', hear),
      registry.on('untracked', hear),
    ];
    if (mode === 'delayed') this.#every('period', this.#settings.updatePeriod * 1000, () => void this.flush());
  }

  #soon(): void {
    this.#after('tick', tickMs, () => void this.#work());
  }

  // ---- the database

  async #connect(): Promise<void> {
    const { logger, open = openDatabase } = this.#ports;
    // What knows SQL takes its time to load, and calls do not wait for it.
    const { migrate } = await import('./schema.ts');
    const database = await open(this.#url, logger);
    this.#database = database;
    try {
      const made = await this.#patiently(migrate(database, this.#settings));
      if (made.length > 0) logger.info({ store: this.#shownUrl, made }, 'the database was prepared');
      if (!this.#isLoaded) await this.#load(database);
      this.#isLoaded = true;
      // Calls of an earlier process that go on may be further than their rows, or have none yet.
      if (this.#subscriptions.length > 0) for (const record of this.#ports.registry ?? []) this.#dialogs.touch(record);
    } catch (error) {
      await this.#drop();
      throw error instanceof TandemError ? error : new Error(database.explain(error), { cause: error });
    }
    if (this.#closing) return this.#drop();
    this.#retryMs = firstRetryMs;
    this.#turn('ready', undefined);
    if (this.#settings.cdrRetentionDays > 0) this.#retain();
    this.#soon();
  }

  #work(): Promise<void> {
    this.#working ??= this.#write().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  async #write(): Promise<void> {
    const database = this.#database;
    if (this.#state !== 'ready' || !database) return;
    const all = this.#isDue || this.#settings.mode === 'realtime';
    this.#isDue = false;
    try {
      await this.#patiently(this.#dialogs.write(database, all ? 'all' : 'ended'));
      await this.#patiently(this.#cdrs.write(database));
    } catch (error) {
      this.#lose(new Error(database.explain(error), { cause: error }));
    }
  }

  #lose(error: unknown): void {
    if (this.#closing) return;
    const text = messageOf(error);
    const { logger } = this.#ports;
    if (this.#error !== text)
      logger.error({ store: this.#shownUrl, error: text }, 'the database is lost: calls go on, and it is tried again');
    if (this.#state === 'ready') this.#losses++;
    this.#turn('lost', text);
    this.#dialogs.lost();
    void this.#drop();
    this.#after('retry', this.#retryMs, () => void this.#retry());
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
  }

  async #retry(): Promise<void> {
    try {
      await this.#connect();
      this.#ports.logger.info({ store: this.#shownUrl }, 'the database is back');
      // What was changed meanwhile, in every mode: an interval has passed.
      await this.flush();
    } catch (error) {
      this.#lose(error);
    }
  }

  /** What does not answer any more is not waited for. */
  async #drop(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    const { clock, logger } = this.#ports;
    await within(clock, farewellMs, database?.close() ?? Promise.resolve()).catch((error: unknown) =>
      logger.debug({ error: messageOf(error) }, 'closing a database'),
    );
  }

  async #patiently<T>(work: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = this.#ports.clock.setTimer(
      patienceMs,
      () => reject(new TandemError('ERR_STORE', `the database does not answer within ${patienceMs / 1000} s`)),
      'store',
    );
    try {
      return await Promise.race([work, late]);
    } finally {
      timer.cancel();
      work.catch(() => {});
    }
  }

  #retain(): void {
    const { logger, clock } = this.#ports;
    const sweep = async (): Promise<void> => {
      const database = this.#database;
      if (this.#state !== 'ready' || !database) return;
      try {
        const now = Math.floor(clock.wallclock() / 1000);
        const removed = await this.#cdrs.removeOld(database, this.#settings.cdrRetentionDays, now);
        if (removed > 0) logger.info({ removed }, 'old call detail records were removed');
      } catch (error) {
        logger.warn({ error: database.explain(error) }, 'old call detail records could not be removed');
      }
    };
    this.#every('retention', hourMs, () => void sweep());
    void sweep();
  }

  // ---- reading

  async #load(database: Database): Promise<void> {
    const { registry, logger } = this.#ports;
    const { mode, skipLoad } = this.#settings;
    if (!registry || mode === 'none' || skipLoad) return;
    const orphans: LoadedDialog[] = [];
    const counts = { recovered: 0, foreign: 0, others: 0, refused: 0 };
    for await (const page of loadDialogs(database, this.#settings, registry.settings.hashSize))
      for (const one of page) {
        const { stored, row, extra } = one;
        const own = registry.get(stored.hEntry, stored.hId);
        if (own && storedCallId(own.callId) === stored.callId) {
          counts.recovered++;
          this.#dialogs.adopt(own, { dialog: row, extra, variables: stored.variables });
        } else if (extra && extra.server !== this.#server) counts.others++;
        else if (extra && this.#ports.onOrphan) orphans.push(one);
        else counts[this.#take(registry, one) ? 'foreign' : 'refused']++;
      }
    this.#loaded = counts.recovered + counts.foreign + orphans.length;
    if (this.#loaded + counts.others + counts.refused > 0)
      logger.info({ ...counts, orphans: orphans.length }, 'calls were read from the database');
    for (let at = 0; at < orphans.length; at += mostHandedOver)
      await this.#handOver(database, orphans.slice(at, at + mostHandedOver));
    // In mode shutdown the tables are empty while the server runs; what is of other servers stays.
    if (mode === 'shutdown') await this.#dialogs.empty(database);
  }

  /** Lists a call that is not ours to go on with. */
  #take(registry: DialogRegistry, { stored, row, extra }: LoadedDialog): boolean {
    const { logger } = this.#ports;
    const { callId } = stored;
    try {
      const record = registry.load(stored);
      if (record) this.#dialogs.adopt(record, { dialog: row, extra, variables: stored.variables });
      else logger.warn({ callId }, 'a call of the database is not listed: another one has its number');
      return record !== undefined;
    } catch (error) {
      logger.warn({ callId, error: messageOf(error) }, 'a call of the database is not listed');
      return false;
    }
  }

  async #handOver(database: Database, orphans: readonly LoadedDialog[]): Promise<void> {
    const taken = await Promise.all(
      orphans.map(async ({ stored, extra }) => {
        const { hEntry, hId, callId } = stored;
        try {
          await this.#ports.onOrphan?.(stored, this.#legsIn(extra), String(extra?.record_id));
          return [{ hEntry, hId, callId, record_id: extra?.record_id }];
        } catch (error) {
          const text = messageOf(error);
          this.#ports.logger.warn({ callId, error: text }, 'a call of an earlier run is left in the database');
          return [];
        }
      }),
    );
    await this.#dialogs.remove(database, taken.flat());
  }

  #legsIn(extra: ExtraRow | undefined): readonly StoredLeg[] | undefined {
    const text = String(extra?.legs ?? '');
    if (!text.startsWith(sealedMark)) return storedLegsIn(text);
    const opened = this.#seal?.open(Buffer.from(text.slice(sealedMark.length), 'base64'));
    return opened && storedLegsIn(Buffer.from(opened).toString());
  }

  // ----

  #turn(state: StoreHealth['state'], error: string | undefined): void {
    if (state !== this.#state) this.#since = this.#ports.clock.wallclock();
    this.#state = state;
    this.#error = error;
  }

  #after(name: 'tick' | 'retry', ms: number, then: () => void): void {
    if (this.#closing || this.#timers.has(name)) return;
    const fire = (): void => {
      this.#timers.delete(name);
      then();
    };
    this.#timers.set(name, this.#ports.clock.setTimer(ms, fire, 'store'));
  }

  #every(name: 'period' | 'retention', ms: number, then: () => void): void {
    if (this.#closing) return;
    this.#timers.get(name)?.cancel();
    const fire = (): void => {
      this.#every(name, ms, then);
      then();
    };
    this.#timers.set(name, this.#ports.clock.setTimer(ms, fire, 'store'));
  }
}

/** Before legs that are sealed. */
const sealedMark = 'sealed:';

function isConfiguration(error: unknown): boolean {
  return error instanceof TandemError && error.code === 'ERR_CONFIG';
}
