/** The other end of a media stream, in memory: what it was told, and what it says. */
import type { WebSocketHandler, WebSocketOptions, WebSockets } from '../../src/base/io.ts';

type Message = string | Uint8Array;

/** A message in JSON of either dialect; each has some of it. */
export interface Told {
  readonly event: string;
  readonly sequenceNumber: string;
  readonly streamSid: string;
  readonly media: { readonly chunk: string; readonly timestamp: string; readonly payload: string };
  readonly mark: { readonly name: string };
  readonly dtmf: { readonly digit: string };
}

export class Bot implements WebSockets {
  readonly urls: string[] = [];
  readonly messages: Message[] = [];
  options: WebSocketOptions | undefined;
  closedWith: number | undefined;
  buffered = 0;
  /** Called with each message. */
  onMessage: (message: Message) => void = () => {};
  #handler: WebSocketHandler | undefined;
  readonly #refusal: Error | undefined;

  constructor(refusal?: Error) {
    this.#refusal = refusal;
  }

  connect(url: string, options: WebSocketOptions, handler: WebSocketHandler) {
    this.urls.push(url);
    this.options = options;
    this.#handler = handler;
    const refusal = this.#refusal;
    queueMicrotask(() => (refusal ? handler.onClose(1006, refusal) : handler.onOpen()));
    const bot = this;
    return {
      get buffered() {
        return bot.buffered;
      },
      send: (message: Message) => {
        if (this.closedWith !== undefined) return;
        this.messages.push(message);
        queueMicrotask(() => this.onMessage(message));
      },
      close: (code: number) => {
        if (this.closedWith !== undefined) return;
        this.closedWith = code;
        queueMicrotask(() => handler.onClose(code, undefined));
      },
    };
  }

  say(message: Message | Readonly<Record<string, unknown>>): void {
    const written = typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message);
    this.#handler?.onMessage(written);
  }

  /** Closes the connection, or loses it. */
  leave(code = 1000, error?: Error): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = code;
    this.#handler?.onClose(code, error);
  }

  /** What it was told in JSON, as objects. */
  get told(): readonly Told[] {
    return this.messages.filter((message) => typeof message === 'string').map((text) => JSON.parse(text as string));
  }

  latest(event: string): Told {
    return this.of(event).at(-1) as Told;
  }

  of(event: string): readonly Told[] {
    return this.told.filter((message) => message.event === event);
  }
}
