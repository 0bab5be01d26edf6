/** One page that looks on: what it was sent, and what it asks for. A page that is slow misses changes, and gets all anew. */
import { WebSocket } from 'ws';
import type { Clock } from '../base/clock.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { Admitted } from '../control/http/access.ts';
import type { ClientMessage, ServerMessage } from './protocol.ts';

export interface ClientOwner {
  /** A message that was understood. */
  asked(client: StreamClient, message: ClientMessage): void;
  /** All rows, from the beginning. */
  allRows(): Iterator<string>;
  closed(client: StreamClient): void;
}

/** Bytes that may wait for a page; more, and it is behind. */
const mostWaiting = 1_048_576;
/** Audio is old soon. */
const mostAudio = 65_536;
/** Messages of a page. */
const perSecond = 20;
const atOnce = 40;
/** RFC 6455 §7.4.1 */
const policyViolation = 1008;

export class StreamClient {
  readonly who: Admitted;
  readonly from: string;
  /** Ids of calls. */
  readonly watched = new Set<string>();
  readonly #socket: WebSocket;
  readonly #owner: ClientOwner;
  readonly #bucket: TokenBucket;
  readonly #clock: Clock;
  #isAlive = true;
  /** It has the list, or is on its way to it: what changes is for it, too. */
  #isCurrent = false;
  /** It has not taken what it was sent. */
  #isBehind = false;
  /** What is left of the full list. */
  #rows: Iterator<string> | undefined;

  constructor(socket: WebSocket, who: Admitted, from: string, owner: ClientOwner, clock: Clock) {
    this.#socket = socket;
    this.#owner = owner;
    this.#clock = clock;
    this.who = who;
    this.from = from;
    this.#bucket = new TokenBucket(perSecond, atOnce, clock.now());
    socket.on('message', (data, isBinary) => this.#receive(isBinary ? undefined : String(data)));
    socket.on('pong', () => {
      this.#isAlive = true;
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => owner.closed(this));
  }

  /** For this page alone. */
  send(message: ServerMessage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    this.#write(text, false);
  }

  /** What all pages get: bytes that they share. */
  share(bytes: Uint8Array): void {
    if (this.#isCurrent) this.#write(bytes, false);
  }

  audio(frame: Uint8Array): void {
    if (this.#socket.bufferedAmount < mostAudio) this.#write(frame, true);
  }

  /** From the beginning, as fast as it is taken: one message at a time. */
  sendAllRows(): void {
    const rows = this.#owner.allRows();
    this.#rows = rows;
    this.#isCurrent = true;
    void this.#sendRows(rows);
  }

  /** To be called now and then. @returns whether a page that was behind has room again */
  catchesUp(): boolean {
    if (!this.#isBehind || this.#socket.bufferedAmount > 0) return false;
    this.#isBehind = false;
    return true;
  }

  /** Cuts off a page that has not answered since the last time. */
  ping(): void {
    if (!this.#isAlive) this.#socket.terminate();
    this.#isAlive = false;
    this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  async #sendRows(rows: Iterator<string>): Promise<void> {
    // Another list may have taken its place.
    while (this.#rows === rows && this.#socket.readyState === WebSocket.OPEN) {
      const { done, value } = rows.next();
      if (done) this.#rows = undefined;
      else await new Promise<void>((taken) => this.#socket.send(value, { binary: false }, () => taken()));
    }
  }

  #write(data: string | Uint8Array, binary: boolean): void {
    const { readyState, bufferedAmount } = this.#socket;
    if (readyState !== WebSocket.OPEN || this.#isBehind) return;
    if (bufferedAmount > mostWaiting) {
      this.#isBehind = true;
      this.#isCurrent = false;
      this.#rows = undefined;
    } else this.#socket.send(data, { binary }, () => {});
  }

  #receive(text: string | undefined): void {
    if (!this.#bucket.take(1, this.#clock.now())) {
      this.close(policyViolation, 'too many messages');
      return;
    }
    const message = text === undefined ? undefined : readMessage(text);
    if (message) this.#owner.asked(this, message);
    else this.send({ type: 'error', error: 'not a message that is known here' });
  }
}

function readMessage(text: string): ClientMessage | undefined {
  try {
    const { type, id, sessionId } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if ((type === 'watch' || type === 'unwatch') && typeof id === 'string') return { type, id };
    if (type === 'listen' && typeof sessionId === 'string') return { type, sessionId };
    return type === 'unlisten' ? { type } : undefined;
  } catch {
    return undefined;
  }
}
