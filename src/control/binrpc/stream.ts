/** One connection of a stream: its requests are answered in order, one at a time, and the next is read after that. */
import type { Socket } from 'node:net';
import { maxReplyBytes, maxRequestBytes, PacketReader } from './packet.ts';
import { notUnderstood, type ResponderOptions, respond } from './respond.ts';

export interface StreamLimits {
  /** ms in which a whole request has to come. */
  readonly idleMs: number;
  /** ms in which a reply has to be taken. */
  readonly replyMs: number;
}

/** ms that a connection we have ended may stay open on the other side. */
const lingerMs = 1000;

export class StreamConnection {
  /** Settles when the socket is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #who: string;
  readonly #limits: StreamLimits;
  readonly #responder: ResponderOptions;
  readonly #gone = new AbortController();
  readonly #reader = new PacketReader(maxRequestBytes);
  #timer: NodeJS.Timeout | undefined;

  /** @param socket with `allowHalfOpen`, since who has said everything may still wait for the answers */
  constructor(socket: Socket, who: string, limits: StreamLimits, responder: ResponderOptions) {
    this.#socket = socket;
    this.#who = who;
    this.#limits = limits;
    this.#responder = responder;
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        clearTimeout(this.#timer);
        this.#gone.abort();
        resolve();
      }),
    );
    // A peer that goes away in mid-sentence; 'close' follows.
    socket.on('error', () => {});
    void this.#serve();
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return this.closed;
  }

  async #serve(): Promise<void> {
    try {
      await this.#answerAll();
    } catch {
      // The socket is closed; so are we.
    }
    this.#destroyIn(lingerMs);
    // What still comes is read away: closing with bytes unread would take the last answer back.
    this.#socket.end().resume();
  }

  async #answerAll(): Promise<void> {
    const context = { who: this.#who, signal: this.#gone.signal };
    this.#destroyIn(this.#limits.idleMs);
    for await (const chunk of this.#socket.iterator({ destroyOnReturn: false }))
      for (const packet of this.#reader.push(chunk)) {
        clearTimeout(this.#timer);
        const response = packet ? await respond(packet, context, maxReplyBytes, this.#responder) : notUnderstood;
        await this.#send(response.bytes);
        if (response.last) return;
        this.#destroyIn(this.#limits.idleMs);
      }
  }

  #send(bytes: Uint8Array): Promise<void> {
    this.#destroyIn(this.#limits.replyMs);
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Replaces the deadline there was. */
  #destroyIn(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#socket.closed) this.#timer = setTimeout(() => this.#socket.destroy(), ms);
  }
}
