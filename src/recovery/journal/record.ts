/**
 * One record of the log:
 *
 *     0  magic "TJ"   2  op | 0x80 at the end of a batch | 0x40 where a call begins   3  0
 *     4  serial, consecutive       8  length of call   10  length of part
 *    12  length of value          16  CRC-32 of value
 *    20  CRC-32 of bytes 0–19, call and part           24  call, part, value
 *
 * Numbers are big-endian. The names have a check of their own, so that of a damaged value it is known whose it was.
 */
import { crc32 } from 'node:zlib';

export const headBytes = 24;
const magic = 0x544a;
const endOfBatch = 0x80;
const beginOfCall = 0x40;
/** Bytes of the name of a call or a part. */
const longestName = 1024;

const ops = { put: 1, removePart: 2, removeCall: 3, lose: 4 } as const;

export type JournalOp =
  | {
      readonly op: 'put';
      readonly call: string;
      readonly part: string;
      readonly value: Uint8Array;
      /** Nothing is current of the call before this; the log knows. */
      readonly begins?: boolean;
    }
  | { readonly op: 'removePart'; readonly call: string; readonly part: string }
  | { readonly op: 'removeCall'; readonly call: string }
  /** The call cannot go on, whatever else is said of it. @param part why */
  | { readonly op: 'lose'; readonly call: string; readonly part: string };

/** @throws RangeError for a name that no record can have */
export function checkName(name: string): void {
  if (Buffer.byteLength(name) > longestName)
    throw new RangeError(`a name in the journal has ${longestName} bytes at most`);
}

/** Bytes that it takes in the log. */
export function sizeOf(call: string, part: string, value: Uint8Array): number {
  return headBytes + Buffer.byteLength(call) + Buffer.byteLength(part) + value.length;
}

/** @param serial of the first @returns the records of one batch, all of it counts or nothing */
export function writeBatch(batch: readonly JournalOp[], serial: number): Buffer {
  return Buffer.concat(batch.flatMap((op, index) => writeRecord(op, serial + index, index === batch.length - 1)));
}

function writeRecord(record: JournalOp, serial: number, isLast: boolean): readonly Uint8Array[] {
  const call = Buffer.from(record.call);
  const part = Buffer.from('part' in record ? record.part : '');
  const value = 'value' in record ? record.value : new Uint8Array();
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(magic, 0);
  const begins = record.op === 'put' && record.begins;
  head[2] = ops[record.op] | (isLast ? endOfBatch : 0) | (begins ? beginOfCall : 0);
  head.writeUInt32BE(serial >>> 0, 4);
  head.writeUInt16BE(call.length, 8);
  head.writeUInt16BE(part.length, 10);
  head.writeUInt32BE(value.length, 12);
  head.writeUInt32BE(crc32(value), 16);
  head.writeUInt32BE(headCheck(head, call, part), 20);
  return [head, call, part, value];
}

function headCheck(head: Uint8Array, call: Uint8Array, part: Uint8Array): number {
  return crc32(part, crc32(call, crc32(head.subarray(0, 20))));
}

export interface ReadRecord {
  readonly record: JournalOp;
  readonly serial: number;
  readonly isLast: boolean;
  /** The value is as it was written. */
  readonly isWhole: boolean;
  /** The log ends before its value does. */
  readonly isCut: boolean;
  /** Where the next one begins. */
  readonly end: number;
}

/** @returns undefined where no record begins, or its head is damaged or cut off */
export function readRecord(log: Buffer, at: number): ReadRecord | undefined {
  if (at + headBytes > log.length || log.readUInt16BE(at) !== magic) return undefined;
  const [callLength, partLength, valueLength] = [
    log.readUInt16BE(at + 8),
    log.readUInt16BE(at + 10),
    log.readUInt32BE(at + 12),
  ];
  const callAt = at + headBytes;
  const partAt = callAt + callLength;
  const valueAt = partAt + partLength;
  if (callLength > longestName || partLength > longestName || valueAt > log.length) return undefined;
  const [callBytes, partBytes] = [log.subarray(callAt, partAt), log.subarray(partAt, valueAt)];
  if (headCheck(log.subarray(at, at + headBytes), callBytes, partBytes) !== log.readUInt32BE(at + 20)) return undefined;
  const flags = log[at + 2] ?? 0;
  const op = flags & ~endOfBatch & ~beginOfCall;
  const end = Math.min(valueAt + valueLength, log.length);
  const value = log.subarray(valueAt, end);
  const isCut = value.length < valueLength;
  const isWhole = !isCut && crc32(value) === log.readUInt32BE(at + 16);
  const [call, part] = [callBytes.toString(), partBytes.toString()];
  let record: JournalOp;
  if (op === ops.put) record = { op: 'put', call, part, value, begins: (flags & beginOfCall) !== 0 };
  else if (op === ops.removePart) record = { op: 'removePart', call, part };
  else if (op === ops.removeCall) record = { op: 'removeCall', call };
  else if (op === ops.lose) record = { op: 'lose', call, part };
  else return undefined;
  return { record, serial: log.readUInt32BE(at + 4), isLast: (flags & endOfBatch) !== 0, isWhole, isCut, end };
}

/** Where the next whole record begins at or behind `at`; the end of the log if there is none. */
export function findRecord(log: Buffer, at: number): number {
  for (let from = log.indexOf('TJ', at); from >= 0; from = log.indexOf('TJ', from + 1))
    if (readRecord(log, from)) return from;
  return log.length;
}
