/**
 * The file of the log, used by its thread alone: calls block. It begins with
 *
 *     0  "TANDEM-JOURNAL"   14  format version   16  serial of the last record that is written   20  CRC-32 of that
 *    24  a sealed text, by which the key is known, and its length before it   then records
 *
 * When it has grown far beyond what it says, what is current is written to a new one that takes its place. Serials begin
 * again with 1 there, so that they never come to the end of their 32 bits.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Seal } from '../../base/sealed.ts';
import type { JournalStats, LostCall } from './journal.ts';
import { type JournalOp, sizeOf, writeBatch } from './record.ts';

const magic = 'TANDEM-JOURNAL';
export const formatVersion = 1;
const serialAt = 16;
const keyAt = 24;
const keyText = new TextEncoder().encode('tandem');
/** A log is not made smaller before it has so many bytes, */
const leastBytes = 8 * 1024 * 1024;
/** and is so many times as large as what it says. */
const mostGrowth = 4;
/** Records of one batch of a new log. */
const batchRecords = 512;

export interface LogHead {
  readonly version: number;
  /** Of the last record that was written for sure; 0 where that cannot be read. */
  readonly promised: number;
  readonly keyFits: boolean;
  /** Where the records begin. */
  readonly begin: number;
}

/** @returns undefined for what is no log at all */
export function readHead(log: Buffer, seal: Seal | undefined): LogHead | undefined {
  if (log.length < keyAt + 2 || log.toString('latin1', 0, magic.length) !== magic) return undefined;
  const keyLength = log.readUInt16BE(keyAt);
  const begin = keyAt + 2 + keyLength;
  const sealed = log.subarray(keyAt + 2, begin);
  const opened = seal ? seal.open(sealed) : sealed;
  const promised = log.readUInt32BE(serialAt);
  return {
    version: log.readUInt16BE(magic.length),
    promised: crc32(log.subarray(serialAt, serialAt + 4)) === log.readUInt32BE(serialAt + 4) ? promised : 0,
    keyFits: opened !== undefined && Buffer.from(opened).equals(keyText),
    begin,
  };
}

export interface LogFileOptions {
  readonly path: string;
  readonly seal: Seal | undefined;
  readonly fsync: boolean;
}

export class LogFile {
  readonly #options: LogFileOptions;
  /** What is current, as it is written. */
  readonly #live = new Map<string, Map<string, Uint8Array>>();
  /** Calls that cannot go on, until somebody says that they are over: this process may be killed before. */
  readonly #lost: Map<string, LostCall['reason']>;
  /** Bytes that all this takes in a log. */
  #liveBytes = 0;
  /** Undefined until there is one. */
  #fd: number | undefined;
  #size = 0;
  #serial = 0;
  /** A log of fewer bytes is not made smaller. */
  #leastBytes = leastBytes;
  #records = 0;
  #batches = 0;
  #compactions = 0;
  /** A write went wrong, or none was made yet: what the file has behind `#size` is nothing. */
  #broken = true;

  /**
   * Writes nothing yet: `repair` begins the new log.
   * @param live what is known of calls, sealed already if there is a key @param lost those that cannot go on
   */
  constructor(
    options: LogFileOptions,
    live: Iterable<readonly [string, ReadonlyMap<string, Uint8Array>]>,
    lost: Iterable<readonly [string, LostCall['reason']]> = [],
  ) {
    this.#options = options;
    for (const [call, parts] of live) for (const [part, value] of parts) this.#keep(call, part, value);
    this.#lost = new Map(lost);
  }

  get stats(): JournalStats {
    const [bytes, records, batches, compactions] = [this.#size, this.#records, this.#batches, this.#compactions];
    return { bytes, records, batches, compactions };
  }

  /** @throws what the file system says: nothing of this batch is in the log then, and what is current is kept for `repair` */
  write(batch: readonly JournalOp[]): void {
    const sealed = batch.map((op) => {
      const made = this.#made(op);
      this.#apply(made);
      return made;
    });
    this.#records += batch.length;
    this.#batches++;
    const fd = this.#fd;
    if (this.#broken || fd === undefined) throw new Error('the log is not writable');
    try {
      const bytes = writeBatch(sealed, this.#serial + 1);
      writeAll(fd, bytes, this.#size);
      this.#size += bytes.length;
      this.#serial += batch.length;
      writeAll(fd, serialBytes(this.#serial), serialAt);
      if (this.#options.fsync) fdatasyncSync(fd);
    } catch (error) {
      this.#broken = true;
      throw error;
    }
    if (this.#size > this.#leastBytes && this.#size > mostGrowth * this.#liveBytes) this.#makeSmaller();
  }

  /**
   * Writes all that is current to a new log. @throws what the file system says: it is to be tried again, and the log
   * before is untouched
   */
  repair(): void {
    // What was left unfinished may be what fills the disk.
    if (this.#fd !== undefined && fstatSync(this.#fd).size > this.#size) ftruncateSync(this.#fd, this.#size);
    this.#compact();
    this.#broken = false;
  }

  /** Nothing is found in it any more. What is current is kept for `repair`. @returns false when it cannot be removed */
  abandon(): boolean {
    this.#broken = true;
    try {
      rmSync(this.#options.path, { force: true });
      this.close();
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #makeSmaller(): void {
    try {
      this.#compact();
    } catch (error) {
      if (this.#broken) throw error;
      // All is in the log as it is: there is just no room for another one now.
      this.#leastBytes = this.#size + leastBytes;
    }
  }

  #compact(): void {
    const [fd, size] = this.#begin();
    this.close();
    this.#fd = fd;
    this.#size = size;
    this.#compactions++;
    this.#leastBytes = leastBytes;
  }

  /** A new file with all that is current, in the place of the one before. */
  #begin(): [fd: number, size: number] {
    const { path, seal } = this.#options;
    const next = `${path}.new`;
    const fd = openSync(next, 'w', 0o600);
    try {
      let serial = 0;
      const key = seal ? seal.seal(keyText) : keyText;
      const head = Buffer.alloc(keyAt + 2);
      head.write(magic, 'latin1');
      head.writeUInt16BE(formatVersion, magic.length);
      head.writeUInt16BE(key.length, keyAt);
      let size = writeAll(fd, Buffer.concat([head, key]), 0);
      for (const batch of this.#batchesOfAll()) {
        size += writeAll(fd, writeBatch(batch, serial + 1), size);
        serial += batch.length;
      }
      writeAll(fd, serialBytes(serial), serialAt);
      if (this.#options.fsync) fdatasyncSync(fd);
      renameSync(next, path);
      if (this.#options.fsync) this.#syncFolder();
      this.#serial = serial;
      return [fd, size];
    } catch (error) {
      closeSync(fd);
      rmSync(next, { force: true });
      throw error;
    }
  }

  #syncFolder(): void {
    const folder = openSync(dirname(this.#options.path), 'r');
    try {
      fsyncSync(folder);
    } catch (error) {
      // The log before has lost its name already.
      this.#broken = true;
      throw error;
    } finally {
      closeSync(folder);
    }
  }

  *#batchesOfAll(): Iterable<readonly JournalOp[]> {
    let batch: JournalOp[] = [];
    for (const [call, parts] of this.#live) {
      let begins = true;
      for (const [part, value] of parts) {
        batch.push({ op: 'put', call, part, value, begins });
        begins = false;
      }
      const reason = this.#lost.get(call);
      if (reason) batch.push({ op: 'lose', call, part: reason });
      if (batch.length < batchRecords) continue;
      yield batch;
      batch = [];
    }
    for (const [call, reason] of this.#lost) if (!this.#live.has(call)) batch.push({ op: 'lose', call, part: reason });
    if (batch.length > 0) yield batch;
  }

  /** As it is written, before it is current. */
  #made(op: JournalOp): JournalOp {
    if (op.op !== 'put') return op;
    const { seal } = this.#options;
    return { ...op, value: seal ? seal.seal(op.value) : op.value, begins: !this.#live.has(op.call) };
  }

  #apply(op: JournalOp): void {
    if (op.op === 'put') this.#keep(op.call, op.part, op.value);
    else if (op.op === 'removePart') this.#drop(op.call, op.part);
    else if (op.op === 'removeCall') {
      for (const part of [...(this.#live.get(op.call)?.keys() ?? [])]) this.#drop(op.call, part);
      this.#lost.delete(op.call);
    }
  }

  #keep(call: string, part: string, value: Uint8Array): void {
    this.#drop(call, part);
    const parts = this.#live.get(call) ?? new Map<string, Uint8Array>();
    this.#live.set(call, parts.set(part, value));
    this.#liveBytes += sizeOf(call, part, value);
  }

  #drop(call: string, part: string): void {
    const parts = this.#live.get(call);
    const value = parts?.get(part);
    if (!parts || !value) return;
    parts.delete(part);
    if (parts.size === 0) this.#live.delete(call);
    this.#liveBytes -= sizeOf(call, part, value);
  }
}

/** @returns the log of the process before; undefined where there is none */
export function readLogFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function serialBytes(serial: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(serial >>> 0, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 4)), 4);
  return bytes;
}

function writeAll(fd: number, bytes: Uint8Array, position: number): number {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
  return bytes.length;
}
