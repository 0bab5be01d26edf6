/**
 * The records of BINRPC, byte for byte as Kamailio's module `ctl` writes them. Pure.
 *
 *     1 bit  3 bits  4 bits
 *   |  S   |  size |  type  | length, size bytes, if S | value |
 *
 * Without S the size is the value's own; STRUCT with S is its end mark. An array is written as a STRUCT of records
 * without names, since neither `ctl` nor `kamcmd` knows one inside a STRUCT.
 */
import { fail, ok, type Result } from '../../base/errors.ts';

const types = { int: 0, string: 1, double: 2, struct: 3, member: 5 } as const;

/** What may be written: an RpcValue, and null where there is no text. */
export type Writable = string | number | null | readonly Writable[] | { readonly [name: string]: Writable };

/** What was read. A structure keeps the order of its members, which may lack names or have one twice. */
export type BinrpcRecord =
  | { readonly type: 'int' | 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'struct'; readonly members: readonly BinrpcMember[] };

export interface BinrpcMember {
  readonly name?: string;
  readonly value: BinrpcRecord;
}

/** A DOUBLE is an INT of thousandths. */
const perUnit = 1000;
/** Structures in structures; Kamailio's have three. */
const maxDepth = 16;

/** Appends records to bytes of a bounded length. */
export class RecordWriter {
  readonly #limit: number;
  #bytes = Buffer.allocUnsafe(512);
  #length = 0;
  #full = false;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Something did not fit: what was written is not whole. */
  get full(): boolean {
    return this.#full;
  }

  /** A view, which the next `add` may move. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /**
   * A whole number of more than 32 bits, or a fraction of more than a DOUBLE holds, is written as text: `kamcmd` prints
   * that the same, where Kamailio would cut it.
   */
  add(value: Writable): void {
    if (value === null) this.#text(types.string, '<null string>');
    else if (typeof value === 'string') this.#text(types.string, value);
    else if (typeof value === 'number') this.#number(value);
    else this.#struct(value);
  }

  #struct(value: readonly Writable[] | { readonly [name: string]: Writable }): void {
    this.#byte(types.struct);
    if (isList(value)) for (const one of value) this.add(one);
    else
      for (const [name, one] of Object.entries(value)) {
        this.#text(types.member, name);
        this.add(one);
      }
    this.#byte(0x80 | types.struct);
  }

  #number(value: number): void {
    const whole = Number.isInteger(value);
    const stored = whole ? value : Math.round(value * perUnit);
    if ((stored | 0) === stored) this.#int(whole ? types.int : types.double, stored);
    else this.#text(types.string, String(value));
  }

  /** As few bytes as hold it, none for 0; what is negative takes four. */
  #int(type: number, value: number): void {
    const size = bytesFor(value);
    this.#byte((size << 4) | type);
    this.#bigEndian(value, size);
  }

  #text(type: number, text: string): void {
    const length = Buffer.byteLength(text) + 1;
    if (length < 8) this.#byte((length << 4) | type);
    else {
      const size = bytesFor(length);
      this.#byte(((8 | size) << 4) | type);
      this.#bigEndian(length, size);
    }
    if (!this.#room(length)) return;
    this.#bytes.write(text, this.#length);
    this.#length += length;
    this.#bytes[this.#length - 1] = 0;
  }

  #bigEndian(value: number, size: number): void {
    for (let left = size - 1; left >= 0; left--) this.#byte((value >> (left * 8)) & 0xff);
  }

  #byte(value: number): void {
    if (this.#room(1)) this.#bytes[this.#length++] = value;
  }

  #room(more: number): boolean {
    const needed = this.#length + more;
    if (needed > this.#limit) this.#full = true;
    if (this.#full) return false;
    if (needed <= this.#bytes.length) return true;
    const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2)));
    larger.set(this.bytes);
    this.#bytes = larger;
    return true;
  }
}

/** How many bytes hold a 32-bit number: none for 0. */
export function bytesFor(value: number): number {
  return value === 0 ? 0 : 4 - (Math.clz32(value) >> 3);
}

/** Why records cannot be read, in the words of Kamailio. */
export type RecordError = 'more data needed' | 'bad record' | "record doesn't match type" | 'end of packet encountered';

/** Reads all records of a body. An INT of more than four bytes keeps the last four, as it does in Kamailio. */
export function readRecords(body: Uint8Array): Result<BinrpcRecord[], RecordError> {
  const reader = new RecordReader(body);
  const records: BinrpcRecord[] = [];
  while (!reader.atEnd) {
    const record = reader.record(0);
    if (!record.ok) return record;
    records.push(record.value);
  }
  return ok(records);
}

interface Head {
  readonly type: number;
  readonly length: number;
  /** The S bit: after a STRUCT, its end. */
  readonly marked: boolean;
}

class RecordReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }

  get atEnd(): boolean {
    return this.#at >= this.#body.length;
  }

  record(depth: number): Result<BinrpcRecord, RecordError> {
    const head = this.#head();
    return head.ok ? this.#value(head.value, depth) : head;
  }

  #value({ type, length, marked }: Head, depth: number): Result<BinrpcRecord, RecordError> {
    switch (type) {
      case types.int:
        return ok({ type: 'int', value: this.#int(length) });
      case types.double:
        return ok({ type: 'double', value: this.#int(length) / perUnit });
      case types.string:
        return ok({ type: 'string', value: this.#text(length) });
      case types.struct:
        return marked || length > 0 || depth >= maxDepth ? fail('bad record') : this.#struct(depth + 1);
      default:
        return fail("record doesn't match type");
    }
  }

  #struct(depth: number): Result<BinrpcRecord, RecordError> {
    const members: BinrpcMember[] = [];
    for (;;) {
      const head = this.#head();
      if (!head.ok) return head;
      const { type, length, marked } = head.value;
      if (type === types.struct && marked && length === 0) return ok({ type: 'struct', members });
      const name = type === types.member ? this.#text(length) : undefined;
      const value = name === undefined ? this.#value(head.value, depth) : this.record(depth);
      if (!value.ok) return value;
      members.push(name === undefined ? { value: value.value } : { name, value: value.value });
    }
  }

  #head(): Result<Head, RecordError> {
    if (this.atEnd) return fail('more data needed');
    const first = this.#body[this.#at++] as number;
    const marked = first >= 0x80;
    let length = (first >> 4) & 7;
    if (marked) {
      const size = length;
      if (this.#at + size > this.#body.length) return fail('more data needed');
      length = 0;
      for (let left = size; left > 0; left--) length = length * 256 + (this.#body[this.#at++] as number);
    }
    if (this.#at + length > this.#body.length) return fail('more data needed');
    return ok({ type: first & 0xf, length, marked });
  }

  #int(length: number): number {
    let value = 0;
    for (let left = length; left > 0; left--) value = (value << 8) | (this.#body[this.#at++] as number);
    return value;
  }

  /** Up to its last byte, which is the 0, or should be. */
  #text(length: number): string {
    const start = this.#at;
    this.#at += length;
    return this.#body.toString('utf8', start, Math.max(start, this.#at - 1));
  }
}

function isList(value: object): value is readonly Writable[] {
  return Array.isArray(value);
}
