/** The WebSocket that everything is pushed over; comes back by itself. */
import type { ClientMessage, ServerMessage } from '../../protocol.ts';
import { backOff, type Live } from './live.ts';

export interface ConnectionEvents {
  /** Before each attempt that follows a loss. @returns false: the login is gone, do not try. */
  readonly allowed: () => Promise<boolean>;
  readonly audio: (frame: ArrayBuffer) => void;
  readonly listening: (sessionId: string, sampleRate: number) => void;
  readonly failed: (error: string) => void;
  readonly lost: () => void;
}

export class Connection {
  readonly #live: Live;
  readonly #events: ConnectionEvents;
  readonly #watched = new Set<string>();
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #closed = false;

  constructor(live: Live, events: ConnectionEvents) {
    this.#live = live;
    this.#events = events;
    addEventListener('online', this.#now);
  }

  open(): void {
    if (this.#closed) return;
    const address = new URL('console/stream', document.baseURI);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#read(data);
    socket.onopen = () => {
      this.#attempt = 0;
      this.#live.connected('open');
      for (const id of this.#watched) this.say({ type: 'watch', id });
    };
    socket.onclose = () => this.#lost();
  }

  /** Nothing is kept while there is no connection, but what is watched. */
  say(message: ClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  watch(id: string): void {
    this.#watched.add(id);
    this.say({ type: 'watch', id });
  }

  unwatch(id: string): void {
    this.#watched.delete(id);
    this.say({ type: 'unwatch', id });
    this.#live.forget(id);
  }

  /** Try at once. */
  readonly retry = (): void => this.#now();

  close(): void {
    this.#closed = true;
    removeEventListener('online', this.#now);
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  readonly #now = (): void => {
    if (this.#live.connection !== 'lost') return;
    clearTimeout(this.#timer);
    void this.#again();
  };

  #read(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      this.#events.audio(data);
      return;
    }
    let message: ServerMessage;
    try {
      message = JSON.parse(String(data)) as ServerMessage;
    } catch {
      return;
    }
    if (message.type === 'listening') this.#events.listening(message.sessionId, message.sampleRate);
    else if (message.type === 'error') this.#events.failed(message.error);
    else this.#live.take(message, Date.now());
  }

  #lost(): void {
    if (this.#closed) return;
    this.#events.lost();
    const wait = backOff(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#live.connected('lost', Date.now() + wait);
    this.#timer = setTimeout(() => void this.#again(), wait);
  }

  async #again(): Promise<void> {
    this.#live.connected('connecting');
    let allowed = true;
    try {
      allowed = await this.#events.allowed();
    } catch {
      this.#lost();
      return;
    }
    if (allowed) this.open();
  }
}
