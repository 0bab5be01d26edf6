/** Instant messages: MESSAGE in a call and outside of any (RFC 3428). */
import type { Clock, Timer } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { mediaType } from '../sip/event.ts';
import { type HeaderField, header, type NameAddr, type SipRequest } from '../sip/message.ts';
import type { ResponseOptions } from '../sip/options.ts';
import type { InviteOptions } from './dialog-client-session.ts';
import type { DialogSession } from './dialog-session.ts';
import { failureOf } from './refer-in.ts';

export interface MessageOptions
  extends Pick<InviteOptions, 'from' | 'displayName' | 'headers' | 'username' | 'password' | 'transport' | 'proxy'> {
  /** Default `text/plain;charset=UTF-8`. */
  readonly contentType?: string;
}

/** Takes a message: returning accepts it, what it throws refuses it with the error's status. */
export type MessageHandler = (message: IncomingMessage) => Promise<void> | void;

/** What a message's text is sent as. */
export function messageContent(
  text: string | Uint8Array,
  { contentType = 'text/plain;charset=UTF-8', headers = [] }: Pick<MessageOptions, 'contentType' | 'headers'>,
): { readonly contentType: string; readonly headers: readonly HeaderField[]; readonly body: Uint8Array } {
  return { contentType, headers, body: typeof text === 'string' ? Buffer.from(text, 'utf8') : text };
}

/** A request that waits for its answer. */
interface Answerable {
  readonly request: SipRequest;
  respond(status: number, options?: ResponseOptions): void;
}

/** A message that nothing was said about for so long is accepted: its sender gives up after 32 s. */
const acceptMs = 1000;

export class IncomingMessage {
  readonly request: SipRequest;
  /** The call it came in, if it did. */
  readonly call: DialogSession | undefined;
  readonly #incoming: Answerable;
  readonly #accepting: Timer;
  #answered = false;

  /** Made by the house, not by users. */
  constructor(clock: Clock, incoming: Answerable, call?: DialogSession) {
    this.request = incoming.request;
    this.call = call;
    this.#incoming = incoming;
    this.#accepting = clock.setTimer(acceptMs, () => this.accept(202), 'message');
  }

  get from(): NameAddr {
    return this.request.headers.from;
  }

  get to(): NameAddr {
    return this.request.headers.to;
  }

  /** Media type, lower case, without parameters. */
  get contentType(): string {
    return mediaType(header(this.request, 'content-type'));
  }

  get body(): Uint8Array {
    return this.request.body;
  }

  /** @throws TandemError ERR_MESSAGE with status 415 for what is no text */
  get text(): string {
    const type = this.contentType;
    if (type !== '' && !type.startsWith('text/')) {
      throw new TandemError('ERR_MESSAGE', `a message of ${type.slice(0, 80)} is no text`, { status: 415 });
    }
    return Buffer.from(this.request.body).toString('utf8');
  }

  /** @param status 200, or 202: it will be delivered later */
  accept(status: 200 | 202 = 200): void {
    this.#answer(status, {});
  }

  /** @param status 300–699 */
  reject(status: number, options: ResponseOptions = {}): void {
    this.#answer(status, options);
  }

  /** @internal Lets the handler decide; its end decides what it left open. */
  async handle(handler: MessageHandler): Promise<void> {
    try {
      await handler(this);
      this.accept();
    } catch (error) {
      const { status, reason } = failureOf(error);
      this.reject(status, status === 415 ? { headers: [['Accept', 'text/plain']] } : { reason });
    }
  }

  #answer(status: number, options: ResponseOptions): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#accepting.cancel();
    this.#incoming.respond(status, options);
  }
}
