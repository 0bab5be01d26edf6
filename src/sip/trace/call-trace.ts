/** The messages of one call as they were on the wire: those that began it and the latest. */
import type { SipTransportName } from '../transport/kinds.ts';

/** A message that was sent or received, copies too. */
export interface WireMessage {
  /** Unix milliseconds. */
  readonly at: number;
  readonly direction: 'in' | 'out';
  readonly transport: SipTransportName;
  readonly localAddress: string;
  readonly localPort: number;
  readonly address: string;
  readonly port: number;
  readonly bytes: Uint8Array;
}

const maxMessages = 100;
const maxBytes = 262_144;
/** How the call began is worth more than what it did in between. */
const first = 20;
/** What an entry takes beside its bytes, about. */
const overhead = 200;

export class CallTrace {
  /** A 2xx to the INVITE was seen: from then on failures are no failures of the call. */
  answered = false;
  /** Somebody wants to have it when the call is over, however it ends. */
  wanted = false;
  /** Of the clock, when it was put away. */
  keptAt = 0;
  /** Memory that it takes, about. */
  size = 0;
  readonly #messages: WireMessage[] = [];

  get messages(): readonly WireMessage[] {
    return this.#messages;
  }

  add(message: WireMessage): void {
    this.#messages.push(message);
    this.size += message.bytes.length + overhead;
    while (this.#messages.length > maxMessages || (this.size > maxBytes && this.#messages.length > 1)) {
      const at = Math.min(first, this.#messages.length - 2);
      const [gone] = this.#messages.splice(at, 1);
      this.size -= (gone as WireMessage).bytes.length + overhead;
    }
  }

  /** Into memory of its own: bytes may be cut from a larger piece, which is too much to keep for an hour. */
  detach(): void {
    for (let i = 0; i < this.#messages.length; i++) {
      const message = this.#messages[i] as WireMessage;
      this.#messages[i] = { ...message, bytes: new Uint8Array(message.bytes) };
    }
  }
}

/** Traces of calls by Call-ID, within a number of them and of bytes; the oldest goes first. */
export class Shelf {
  readonly #calls = new Map<string, CallTrace>();
  readonly #maxCalls: number;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxCalls: number, bytes: number) {
    this.#maxCalls = maxCalls;
    this.#maxBytes = bytes;
  }

  get size(): number {
    return this.#calls.size;
  }

  get(callId: string): CallTrace | undefined {
    return this.#calls.get(callId);
  }

  put(callId: string, trace: CallTrace): void {
    this.#calls.set(callId, trace);
    this.#bytes += trace.size;
    this.#trim();
  }

  take(callId: string): CallTrace | undefined {
    const trace = this.#calls.get(callId);
    if (!trace) return undefined;
    this.#calls.delete(callId);
    this.#bytes -= trace.size;
    return trace;
  }

  /** Adds to a trace that is here. */
  add(trace: CallTrace, message: WireMessage): void {
    const before = trace.size;
    trace.add(message);
    this.#bytes += trace.size - before;
    this.#trim();
  }

  /** Those kept before then are gone. */
  expire(before: number): void {
    for (const [callId, { keptAt }] of this.#calls) {
      if (keptAt >= before) return;
      this.take(callId);
    }
  }

  #trim(): void {
    while (this.#calls.size > this.#maxCalls || this.#bytes > this.#maxBytes) {
      const [oldest] = this.#calls.keys();
      if (oldest === undefined) return;
      this.take(oldest);
    }
  }
}
