/**
 * The packets of BINRPC. Pure.
 *
 *   | 0xA | 1 || type | LL | CC || body length, LL + 1 bytes | cookie, CC + 1 bytes || body |
 *     4b    4b    4b    2b   2b
 */
import { type BinrpcRecord, bytesFor, RecordWriter, readRecords, type Writable } from './records.ts';

/** Magic and version. */
const magic = 0xa1;
const kinds = { request: 0, reply: 1, fault: 3 } as const;
export type PacketKind = keyof typeof kinds;

const maxHeaderBytes = 10;
/** What Kamailio's receive buffer takes. */
export const maxRequestBytes = 65_535;
/** What `kamcmd` reads, header and all. */
export const maxReplyBytes = 131_072;

export interface Packet {
  readonly kind: PacketKind;
  /** 0 to 2³² - 1, the answer's is the request's. */
  readonly cookie: number;
  readonly body: Uint8Array;
}

/** Takes a stream in any pieces and gives its packets; what is no packet ends it. */
export class PacketReader {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.allocUnsafe(256);
  #from = 0;
  #to = 0;
  #broken = false;

  /** @param maxBytes the largest packet, header and all */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of a packet that is not whole yet. */
  get pending(): number {
    return this.#to - this.#from;
  }

  /** Gives each packet that is whole now, and `undefined`, once and last, when the stream is none. */
  *push(chunk: Uint8Array): Generator<Packet | undefined, undefined> {
    for (let at = 0; at < chunk.length && !this.#broken; ) {
      // Never more than one packet is held, however long the chunk is.
      const part = chunk.subarray(at, at + this.#maxBytes);
      at += part.length;
      this.#append(part);
      for (let more = true; more && !this.#broken; ) {
        const packet = this.#next();
        more = packet !== 'incomplete';
        if (packet === 'broken') yield this.#break();
        else if (packet !== 'incomplete') yield packet;
      }
    }
  }

  #break(): undefined {
    this.#broken = true;
    this.#bytes = Buffer.alloc(0);
    this.#from = this.#to = 0;
  }

  #append(chunk: Uint8Array): void {
    const needed = this.pending + chunk.length;
    if (needed > this.#bytes.length - this.#from) {
      const target =
        needed > this.#bytes.length ? Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2)) : this.#bytes;
      this.#bytes.copy(target, 0, this.#from, this.#to);
      this.#to = this.pending;
      this.#from = 0;
      this.#bytes = target;
    }
    this.#bytes.set(chunk, this.#to);
    this.#to += chunk.length;
  }

  #next(): Packet | 'incomplete' | 'broken' {
    const head = readHead(this.#bytes.subarray(this.#from, this.#to));
    if (typeof head === 'string') return head;
    const { kind, cookie, start, end } = head;
    if (end > this.#maxBytes) return 'broken';
    if (end > this.pending) return 'incomplete';
    // A copy: its owner may keep it while more is read.
    const body = Uint8Array.prototype.slice.call(this.#bytes, this.#from + start, this.#from + end);
    this.#from += end;
    return { kind, cookie, body };
  }
}

/** A datagram is one packet and nothing else. */
export function readPacket(bytes: Uint8Array): Packet | undefined {
  const head = readHead(bytes);
  if (typeof head === 'string' || head.end !== bytes.length) return undefined;
  return { kind: head.kind, cookie: head.cookie, body: bytes.subarray(head.start) };
}

interface Head {
  readonly kind: PacketKind;
  readonly cookie: number;
  /** Where the body starts and ends. */
  readonly start: number;
  readonly end: number;
}

function readHead(bytes: Uint8Array): Head | 'incomplete' | 'broken' {
  const [first, second] = bytes;
  if (first === undefined) return 'incomplete';
  if (first !== magic) return 'broken';
  if (second === undefined) return 'incomplete';
  const kind = kindOf(second >> 4);
  if (!kind) return 'broken';
  const lengthBytes = ((second >> 2) & 3) + 1;
  const start = 2 + lengthBytes + (second & 3) + 1;
  if (bytes.length < start) return 'incomplete';
  const length = unsigned(bytes, 2, 2 + lengthBytes);
  return { kind, cookie: unsigned(bytes, 2 + lengthBytes, start), start, end: start + length };
}

function kindOf(type: number): PacketKind | undefined {
  return (Object.keys(kinds) as PacketKind[]).find((kind) => kinds[kind] === type);
}

function unsigned(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 256 + (bytes[at] as number);
  return value;
}

/** Length and cookie in as few bytes as hold them, at least one. */
export function writePacket(kind: PacketKind, cookie: number, body: Uint8Array): Buffer {
  const lengthBytes = Math.max(1, bytesFor(body.length));
  const cookieBytes = Math.max(1, bytesFor(cookie));
  const packet = Buffer.allocUnsafe(2 + lengthBytes + cookieBytes + body.length);
  packet[0] = magic;
  packet[1] = (kinds[kind] << 4) | ((lengthBytes - 1) << 2) | (cookieBytes - 1);
  packet.writeUIntBE(body.length, 2, lengthBytes);
  packet.writeUIntBE(cookie, 2 + lengthBytes, cookieBytes);
  packet.set(body, 2 + lengthBytes + cookieBytes);
  return packet;
}

/** What an answer of so many bytes has left for its body. */
export function bodyLimit(packetBytes: number): number {
  return packetBytes - maxHeaderBytes;
}

/** @returns undefined when it is longer than a request may be */
export function writeRequest(cookie: number, method: string, args: readonly Writable[]): Buffer | undefined {
  const writer = new RecordWriter(bodyLimit(maxRequestBytes));
  for (const one of [method, ...args]) writer.add(one);
  return writer.full ? undefined : writePacket('request', cookie, writer.bytes);
}

/** A long text is cut: a fault always fits. */
export function writeFault(cookie: number, code: number, text: string): Buffer {
  const writer = new RecordWriter(4096);
  writer.add(code);
  writer.add(text.slice(0, 1000));
  return writePacket('fault', cookie, writer.bytes);
}

export interface Fault {
  readonly code: number;
  readonly text: string;
}

export type Answer = { readonly records: readonly BinrpcRecord[] } | { readonly fault: Fault };

/** A reply or a fault, or undefined for what is neither. */
export function readAnswer({ kind, body }: Packet): Answer | undefined {
  const records = readRecords(body);
  if (!records.ok || kind === 'request') return undefined;
  if (kind === 'reply') return { records: records.value };
  const [code, text] = records.value;
  if (code?.type !== 'int' || text?.type !== 'string') return undefined;
  return { fault: { code: code.value, text: text.value } };
}
