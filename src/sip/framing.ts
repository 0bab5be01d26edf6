/**
 * Messages out of a byte stream (RFC 3261 §18.3, §7.5) and the keep-alives between them (RFC 5626 §4.4.1).
 * Pure: bytes in, events out. Each byte is looked at once however the stream is cut; what is held back is
 * never more than one message of the largest size.
 */
import { readField } from './fields.ts';
import { parseDecimal } from './grammar.ts';
import { maxHeadBytes, scanMessage } from './guard.ts';

/** Longest body taken from a stream. */
export const maxBodyBytes = 65_535;

export type FramerEvent =
  /** One whole message, head and body, in memory of its own. */
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  /** A double CRLF between messages: the peer wants a single CRLF back. */
  | { readonly type: 'ping' }
  /**
   * Where the next message begins cannot be known any more: close the connection. `head`, if there, is the head
   * that was at fault; `parseMessage(head, 'stream')` has the reply to send before.
   */
  | { readonly type: 'error'; readonly error: string; readonly head?: Uint8Array };

const CR = 0x0d;
const LF = 0x0a;

/** What a connection's bytes go through. */
export interface Framer {
  /** Bytes held back, waiting for the rest of their message. */
  readonly pending: number;
  /** Works as it is iterated, which has to be to its end before the next call. */
  push(bytes: Uint8Array): Iterator<FramerEvent, undefined>;
}

/** For transports that keep messages apart. */
export class MessageFramer implements Framer {
  readonly pending = 0;

  *push(bytes: Uint8Array): Generator<FramerEvent, undefined> {
    if (!isKeepAlive(bytes)) yield { type: 'message', bytes };
    // A single CRLF answers a ping of ours.
    else if (bytes.length >= 4) yield { type: 'ping' };
    return undefined;
  }
}

export class StreamFramer implements Framer {
  #buffer = new Uint8Array(0);
  /** What is held lies in `#buffer` from #start to #end. */
  #start = 0;
  #end = 0;
  /** How far the search for the end of the head has come. */
  #scanned = 0;
  /** Length of head and body once the head is complete. */
  #length: number | undefined;
  /** CR and LF seen since the last message or ping. */
  #breaks = 0;
  #failed = false;

  /** Bytes held back, waiting for the rest of their message. */
  get pending(): number {
    return this.#end - this.#start;
  }

  /** Takes the next bytes of the stream; copies what it keeps. After an error it takes no more. */
  *push(bytes: Uint8Array): Generator<FramerEvent, undefined> {
    if (this.#failed) return undefined;
    this.#append(bytes);
    let pinged = false;
    while (this.#start < this.#end) {
      const event = this.#next();
      if (event === undefined) break;
      if (event.type === 'error') {
        this.#failed = true;
        this.#start = this.#end;
      }
      // However many pings came at once, one answer shows that we are here.
      if (event.type !== 'ping' || !pinged) yield event;
      pinged ||= event.type === 'ping';
    }
    if (this.#start === this.#end) this.#release();
    return undefined;
  }

  #next(): FramerEvent | undefined {
    if (this.#length === undefined) {
      if (this.#scanned === this.#start) {
        const ping = this.#skipBreaks();
        if (ping || this.#start === this.#end) return ping ? { type: 'ping' } : undefined;
      }
      const body = this.#findBody();
      if (body === undefined) {
        return this.pending > maxHeadBytes ? error(`the head is longer than ${maxHeadBytes} bytes`) : undefined;
      }
      const head = this.#buffer.slice(this.#start, body);
      if (head.length > maxHeadBytes) return error(`the head is longer than ${maxHeadBytes} bytes`);
      const length = contentLength(head);
      if (typeof length === 'string') return error(length, head);
      if (length > maxBodyBytes) return error(`the body is longer than ${maxBodyBytes} bytes`, head);
      this.#length = head.length + length;
    }
    if (this.pending < this.#length) return undefined;
    const message = this.#buffer.slice(this.#start, this.#start + this.#length);
    this.#start += this.#length;
    this.#scanned = this.#start;
    this.#length = undefined;
    return { type: 'message', bytes: message };
  }

  /** Skips CRs and LFs in front of a message. @returns true behind the second CRLF in a row */
  #skipBreaks(): boolean {
    for (; this.#start < this.#end; this.#start++) {
      const byte = this.#buffer[this.#start];
      if (byte !== CR && byte !== LF) {
        this.#breaks = 0;
        break;
      }
      if (++this.#breaks < 4) continue;
      this.#breaks = 0;
      this.#scanned = ++this.#start;
      return true;
    }
    this.#scanned = this.#start;
    return false;
  }

  /** The offset behind CRLFCRLF, or undefined if it has not come yet. */
  #findBody(): number | undefined {
    const buffer = this.#buffer;
    // The last three bytes may be the beginning of it, so the next search starts with them.
    for (let i = this.#scanned; i + 3 < this.#end; i++) {
      if (buffer[i] === CR && buffer[i + 1] === LF && buffer[i + 2] === CR && buffer[i + 3] === LF) return i + 4;
      this.#scanned = i + 1;
    }
    return undefined;
  }

  /** Nothing is held: one large message must not cost its memory for as long as the connection lives. */
  #release(): void {
    this.#start = this.#end = this.#scanned = 0;
    if (this.#buffer.length > keptBuffer) this.#buffer = new Uint8Array(0);
  }

  #append(bytes: Uint8Array): void {
    const held = this.#end - this.#start;
    if (this.#end + bytes.length > this.#buffer.length) {
      // Room is doubled and the held bytes moved to the front, so that moving costs each byte O(1) in all.
      const needed = held + bytes.length;
      const target =
        needed * 2 <= this.#buffer.length ? this.#buffer : new Uint8Array(Math.max(needed * 2, minimumBuffer));
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#scanned -= this.#start;
      this.#start = 0;
      this.#end = held;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }
}

const minimumBuffer = 2048;
const keptBuffer = 8192;

const error = (message: string, head?: Uint8Array): FramerEvent =>
  head === undefined ? { type: 'error', error: message } : { type: 'error', error: message, head };

/**
 * A datagram that only keeps a path open: nothing, CRLFs (RFC 5626 §4.4.1 over UDP is STUN, but phones send
 * these), or the four NULs some send. It gets no answer.
 */
export function isKeepAlive(datagram: Uint8Array): boolean {
  return datagram.length <= 4 && datagram.every((byte) => byte === CR || byte === LF || byte === 0);
}

/**
 * The Content-Length of a head, read just as `parseMessage` reads it: two opinions on where a message ends would
 * let a peer smuggle one inside another. An error message if it is missing, repeated or not a plain number.
 */
function contentLength(head: Uint8Array): number | string {
  const scan = scanMessage(head);
  if (!scan.ok) return scan.error.message;
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1');
  let value: string | undefined;
  for (const line of scan.value.lines) {
    // Only Content-Length and `l` are of interest.
    const first = text.charCodeAt(line.start) | 0x20;
    if (first !== 0x63 && first !== 0x6c) continue;
    const field = readField(text, line, scan.value.plain);
    if (field?.name !== 'content-length') continue;
    if (value !== undefined) return 'there are two Content-Length headers';
    value = field.value;
  }
  if (value === undefined) return 'there is no Content-Length, which a stream cannot do without';
  return parseDecimal(value, 7) ?? 'the Content-Length is not a number of up to seven digits';
}
