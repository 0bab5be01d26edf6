/**
 * Keeps finished recordings: each gets a note of what it is, is encrypted, uploaded and in the end deleted, as the options
 * say. It hears of recordings by the observer, and of those of an earlier process by what lies in the folder; no call
 * waits for it.
 */
import { Background } from '../base/background.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { defined } from '../base/defined.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Observer, Unsubscribe } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { RecordingEnded, RecordingStarted, TandemEvents } from '../session/events.ts';
import { type Destination, destinationOf } from './destination.ts';
import type { HttpSend } from './http.ts';
import type { KeptRecording, RecordingNote } from './note.ts';
import { checkRecordings, type Keyring, keyringOf, type RecordingsOptions } from './options.ts';
import { expired, type Limits, type Lying } from './retention.ts';
import { saltBytes, sealed, sealedSize } from './sealed-file.ts';
import { Spool, type SpoolReport } from './spool.ts';
import type { Vault } from './vault.ts';

export interface ArchivePorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: Pick<Observer<TandemEvents>, 'on'>;
  readonly vault: Vault;
  readonly send: HttpSend;
  readonly random: Pick<Random, 'bytes'>;
  /** Paths that are recorded to now, by calls of an earlier process too. */
  recording(): Iterable<string>;
}

export interface ArchiveReport {
  /** Those that are still to be encrypted or uploaded. */
  readonly spool: SpoolReport;
  /** Since the start. */
  readonly uploaded: number;
  readonly uploadedBytes: number;
  /** That can never be encrypted or uploaded: they stay where they are. */
  readonly givenUp: number;
  readonly deleted: number;
}

const dayMs = 86_400_000;
/** Between two looks at what lies in the folder. */
const roundMs = 3_600_000;
/** A file that nobody told of counts when it has not grown for so long. */
const restingMs = 60_000;
const defaultAtOnce = 2;
/** These do not get better by trying again. */
const hopeless = new Set(['ERR_SEALED', 'ERR_SEALED_KEY', 'ERR_ARGUMENT']);

export class Archive {
  readonly #options: RecordingsOptions;
  readonly #ports: ArchivePorts;
  readonly #keyring: Keyring | undefined;
  readonly #destination: Destination | undefined;
  readonly #limits: Limits;
  readonly #spool: Spool;
  readonly #background: Background;
  readonly #ends: readonly Unsubscribe[];
  /** Being recorded by this process. */
  readonly #running = new Map<string, RecordingNote>();
  /** Notes that the disk did not take. */
  readonly #unwritten = new Map<string, RecordingNote>();
  /** The last that is being done with the note of a recording. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #hopeless = new Set<string>();
  #uploaded = 0;
  #uploadedBytes = 0;
  #deleted = 0;
  /** In the folder, as far as is known. */
  #bytes = 0;
  #timer: Timer | undefined;
  #rounding: Promise<void> | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  /** Opens nothing yet. @throws ConfigError */
  constructor(options: RecordingsOptions, ports: ArchivePorts) {
    checkRecordings(options);
    const { upload, encryption, keepFor, maxBytes } = options;
    this.#options = options;
    this.#ports = ports;
    this.#keyring = encryption && keyringOf(encryption);
    this.#destination = upload && destinationOf(upload, ports);
    this.#limits = { keepForMs: keepFor === undefined ? undefined : keepFor * dayMs, maxBytes };
    this.#background = new Background(ports.logger);
    this.#spool = new Spool(upload?.atOnce ?? defaultAtOnce, {
      ...ports,
      work: (name, signal) => this.#store(name, signal),
    });
    this.#ends = [
      ports.observer.on('recording:started', (event) => this.#started(event)),
      ports.observer.on('recording:ended', (event) => this.#ended(event)),
    ];
  }

  get report(): ArchiveReport {
    return {
      spool: this.#spool.report,
      uploaded: this.#uploaded,
      uploadedBytes: this.#uploadedBytes,
      givenUp: this.#hopeless.size,
      deleted: this.#deleted,
    };
  }

  /** Takes up what an earlier process left; returns at once. To be called when its calls go on. */
  open(): void {
    if (this.#closed) return;
    this.#background.run(this.round());
  }

  /** Looks at all that lies in the folder: what is left to be done is done, what has had its time is deleted. */
  round(): Promise<void> {
    this.#rounding ??= this.#round()
      .catch((error: unknown) => {
        this.#ports.logger.warn({ error: messageOf(error) }, 'the folder of recordings cannot be read');
      })
      .finally(() => {
        this.#rounding = undefined;
        this.#arm();
      });
    return this.#rounding;
  }

  /** What is not stored yet is left to the next process. Resolves when nothing is under way. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#ends) end();
    this.#timer?.cancel();
    await this.#spool.close();
    await this.#background.settled();
  }

  #arm(): void {
    this.#timer?.cancel();
    if (!this.#closed)
      this.#timer = this.#ports.clock.setTimer(roundMs, () => this.#background.run(this.round()), 'recordings');
  }

  // ---- what the observer tells

  #started({ path, at, ...about }: RecordingStarted): void {
    const name = this.#ports.vault.nameOf(path);
    if (name === undefined) return;
    const { callId, sessionId, direction, fromUri: from, toUri: to, conference, consent } = about;
    const known = { callId, sessionId, direction, from, to, conference, consent };
    const note: RecordingNote = { version: 1, ...defined(known), startedAt: at };
    this.#running.set(name, note);
    this.#hopeless.delete(name);
    this.#inTurn(name, async () => {
      // A file of that name that waited is no more.
      await this.#spool.drop(name);
      await this.#write(name, note);
    });
  }

  #ended({ path, at, durationMs, end, pauses }: RecordingEnded): void {
    const name = this.#ports.vault.nameOf(path);
    if (name === undefined) return;
    const begun = this.#running.get(name);
    this.#running.delete(name);
    this.#inTurn(name, async () => {
      const kept = await this.#ports.vault.find(name);
      if (!kept) return;
      // It was begun by an earlier process.
      const before = begun ?? kept.note ?? { version: 1, startedAt: at - (durationMs ?? 0) };
      await this.#write(name, { ...before, endedAt: at, end, ...defined({ durationMs, pauses }) });
      if (this.#isUnfinished(kept, before)) this.#spool.add(name, kept.size);
      this.#bytes += kept.size;
      if (this.#bytes > (this.#limits.maxBytes ?? Number.POSITIVE_INFINITY)) void this.round();
    });
  }

  /** What is done with the notes of one recording is done one after the other. */
  #inTurn(name: string, work: () => Promise<void>): void {
    const before = this.#turns.get(name);
    const done = (before ?? Promise.resolve())
      .then(work)
      .catch((error: unknown) => {
        this.#ports.logger.warn({ recording: name, error: messageOf(error) }, 'a recording could not be looked at');
      })
      .finally(() => {
        if (this.#turns.get(name) === done) this.#turns.delete(name);
      });
    this.#turns.set(name, done);
    this.#background.run(done);
  }

  /** A full disk is no reason not to go on. */
  async #write(name: string, note: RecordingNote): Promise<void> {
    try {
      await this.#ports.vault.writeNote(name, note);
      this.#unwritten.delete(name);
    } catch (error) {
      this.#unwritten.set(name, note);
      this.#ports.logger.warn(
        { recording: name, error: messageOf(error) },
        'the note of a recording cannot be written',
      );
    }
  }

  // ---- what lies there

  async #round(): Promise<void> {
    const { clock, logger, vault } = this.#ports;
    const lying: Lying[] = [];
    for await (const kept of vault.list()) {
      if (this.#closed) return;
      const one = await this.#look(kept);
      if (one) lying.push(one);
    }
    this.#bytes = lying.reduce((sum, { size }) => sum + size, 0);
    for (const { name, size, why } of expired(lying, this.#limits, clock.wallclock())) {
      if (this.#closed) return;
      // Much may have happened meanwhile.
      if (this.#running.has(name) || (await vault.find(name))?.held !== false) continue;
      await this.#spool.drop(name);
      await vault.remove(name);
      this.#bytes -= size;
      this.#deleted++;
      logger.info({ recording: name, bytes: size, why }, 'a recording has had its time: deleted');
    }
    const { maxBytes = Number.POSITIVE_INFINITY } = this.#limits;
    if (this.#bytes > maxBytes)
      logger.warn(
        { bytes: this.#bytes, maxBytes, waiting: this.#spool.report.waiting },
        'there is more than recordings.maxBytes: the rest is held, or waits to be uploaded',
      );
  }

  /** @returns undefined for one that is none of ours, or not to be counted yet */
  async #look(kept: KeptRecording): Promise<Lying | undefined> {
    const { name, size, modified, held } = kept;
    const lying = { name, size, endedAt: modified, deletable: false };
    if (this.#running.has(name) || this.#turns.has(name)) return lying;
    let note = this.#unwritten.get(name) ?? kept.note;
    if (note?.endedAt === undefined) {
      if (this.#isRecorded(name)) return lying;
      if (!note && this.#ports.clock.wallclock() - modified < restingMs) return lying;
      const before = note ?? { version: 1, startedAt: modified };
      note = { ...before, endedAt: modified, end: note ? 'crash' : 'found' };
      await this.#write(name, note);
    }
    if (this.#isUnfinished(kept, note)) this.#spool.add(name, size);
    const isSafe = !this.#destination || note.uploaded !== undefined;
    return { ...lying, endedAt: note.endedAt ?? modified, deletable: isSafe && !held };
  }

  #isRecorded(name: string): boolean {
    for (const path of this.#ports.recording()) if (this.#ports.vault.nameOf(path) === name) return true;
    return false;
  }

  #isUnfinished({ name, sealed, held }: KeptRecording, { uploaded }: RecordingNote): boolean {
    if (this.#hopeless.has(name)) return false;
    if (this.#keyring && !sealed) return true;
    return this.#destination !== undefined && (!uploaded || !(this.#keepsLocal || held));
  }

  get #keepsLocal(): boolean {
    return this.#options.upload?.keepLocal ?? false;
  }

  // ---- what is done with them

  /** @throws when it is to be tried again */
  async #store(name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#sealAndSend(name, signal);
    } catch (error) {
      if (signal.aborted || !isHopeless(error)) throw error;
      this.#hopeless.add(name);
      this.#ports.logger.error(
        { recording: name, error: messageOf(error) },
        'a recording cannot be stored as the settings ask for: it stays where it is',
      );
    }
  }

  async #sealAndSend(name: string, signal: AbortSignal): Promise<void> {
    const { vault, clock, logger } = this.#ports;
    const kept = await vault.find(name);
    if (!kept) return;
    const notSealed = kept.sealed ? undefined : await this.#seal(name, signal);
    if (!this.#destination) return;
    let note = this.#unwritten.get(name) ?? kept.note ?? { version: 1, startedAt: kept.modified };
    if (!note.uploaded) {
      const { to, bytes } = await this.#send(this.#destination, name, note, signal);
      note = { ...note, uploaded: { at: clock.wallclock(), to } };
      this.#uploaded++;
      this.#uploadedBytes += bytes;
      logger.info({ recording: name, bytes, to }, 'a recording was uploaded');
      signal.throwIfAborted();
      await this.#write(name, note);
    }
    if (this.#keepsLocal || (await vault.find(name))?.held) {
      if (notSealed) throw notSealed;
      return;
    }
    signal.throwIfAborted();
    await vault.remove(name);
    this.#unwritten.delete(name);
    this.#bytes -= kept.size;
  }

  /** @returns why a full disk did not take it: it is encrypted on its way then, which makes room here */
  async #seal(name: string, signal: AbortSignal): Promise<unknown> {
    if (!this.#keyring) return undefined;
    try {
      await this.#ports.vault.seal(name, this.#keyring, signal);
      return undefined;
    } catch (error) {
      const isFull = error instanceof TandemError && error.facts.errno === 'ENOSPC';
      if (!isFull || !this.#destination) throw error;
      return error;
    }
  }

  async #send(destination: Destination, name: string, note: RecordingNote, signal: AbortSignal) {
    const asAudio = this.#options.upload?.encrypted === false;
    const file = await this.#ports.vault.open(name, asAudio ? (this.#keyring ?? noKeys) : undefined);
    try {
      const keyring = file.sealed || asAudio ? undefined : this.#keyring;
      const length = keyring ? sealedSize(file.size, keyring) : file.size;
      const salt = this.#ports.random.bytes(saltBytes);
      // It is read twice, and has to be the same.
      const body = () => (keyring ? sealed(file.stream(), keyring, { bytes: () => salt }) : file.stream());
      const item = { name, note, length, sealed: !asAudio && (file.sealed || keyring !== undefined), body };
      return { to: await destination.send(item, signal), bytes: length };
    } finally {
      await file.close();
    }
  }
}

const noKeys: Pick<Keyring, 'find'> = { find: () => undefined };

function isHopeless(error: unknown): boolean {
  return error instanceof TandemError && (hopeless.has(error.code) || error.facts.tooLong === true);
}
