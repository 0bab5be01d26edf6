/** A server transaction: hands a request up once and answers its copies (RFC 3261 §17.2). */
import { printMessage } from '../codec.ts';
import { type SipMessage, type SipRequest, type SipResponse, tagOf } from '../message.ts';
import { ownText } from '../own-text.ts';
import { createResponse } from '../response.ts';
import type { PeerFlow } from '../transport/flow.ts';
import { inviteServer } from './invite-server.ts';
import { type Effect, responseInput } from './machine.ts';
import { nonInviteServer } from './non-invite-server.ts';
import { Transaction, type TransactionContext } from './transaction.ts';

/** The usual methods as constants: a method cut from a message would keep the whole message in memory. */
const methods: ReadonlyMap<string, string> = new Map(
  ['INVITE', 'BYE', 'CANCEL', 'OPTIONS', 'INFO', 'UPDATE', 'PRACK'].map((method) => [method, method]),
);

/** What a server transaction tells its user after the request itself. */
export interface ServerUser {
  /** An ACK of the 2xx that came with the branch of the INVITE. */
  onAck?(ack: SipRequest): void;
  /** A CANCEL of this INVITE, which waits for its final response. The CANCEL itself is answered. */
  onCancel?(cancel: SipRequest): void;
  /** Timer C: the user keeps the INVITE waiting for too long. */
  onExpire?(): void;
  onTransportError?(error: Error): void;
  /** A refusal of this INVITE was acknowledged, or will not be any more. */
  onSettled?(): void;
}

export class ServerTransaction extends Transaction {
  readonly role = 'server';
  readonly method: string;
  readonly callId: string;
  readonly flow: PeerFlow;
  /** Set by whoever takes the request. */
  user: ServerUser | undefined;
  /** To tag of its responses; that of a CANCEL is the same (RFC 3261 §9.2). */
  tag: string | undefined;
  /** Under which requests of the same origin are known to be the same one (RFC 3261 §8.2.2.2). */
  readonly mergeKey: string | undefined;
  readonly key: string;
  readonly #replyPort: number;
  readonly #onEnd: (transaction: ServerTransaction) => void;
  /** Outside a dialog. */
  readonly #isNew: boolean;
  #refused = false;
  /** What is left of the user of a refused INVITE: the rest of it need not wait for the ACK. */
  #onSettled: (() => void) | undefined;
  #request: SipRequest | undefined;
  #last: Uint8Array | undefined;

  /** @param replyPort the peer's port that responses go to. */
  constructor(
    context: TransactionContext,
    key: string,
    mergeKey: string | undefined,
    request: SipRequest,
    flow: PeerFlow,
    replyPort: number,
    onEnd: (transaction: ServerTransaction) => void,
  ) {
    super(context, request.method === 'INVITE' ? inviteServer : nonInviteServer, flow.reliable);
    this.key = key;
    this.mergeKey = mergeKey;
    this.method = methods.get(request.method) ?? ownText(request.method);
    this.callId = ownText(request.headers.callId);
    this.flow = flow;
    this.#replyPort = replyPort;
    this.#onEnd = onEnd;
    this.#isNew = tagOf(request.headers.to) === undefined && request.method !== 'CANCEL';
    this.#request = request;
    this.input('start', request);
  }

  /** True until a final response was given. */
  get pending(): boolean {
    return this.state === 'proceeding' || this.state === 'trying';
  }

  /** True once a final response other than a 2xx was given. */
  get refused(): boolean {
    return this.#refused;
  }

  /** The request once more, or an ACK of its branch. */
  receive(request: SipRequest): void {
    if (request.method === 'ACK') {
      if (!this.input('ack', request)) this.context.counters.retransmissionsReceived++;
      return;
    }
    this.context.counters.retransmissionsReceived++;
    this.input('request', request);
  }

  /**
   * Sends a response of the user. One that comes too late (after a final one) is dropped.
   * @throws TandemError ERR_HEADER_INJECTION; nothing has been sent then
   */
  respond(response: SipResponse): void {
    const input = responseInput(this.method, response.status);
    if (!this.pending) return;
    this.#last = printMessage(response);
    if (response.status >= 300) this.#refused = true;
    if (this.#isNew && response.status >= 200) this.context.onAnswered(response.status, this.flow);
    this.input(input, response);
  }

  /** The response that was sent last. */
  get answer(): Uint8Array | undefined {
    return this.#last;
  }

  /** Sends the 2xx to an INVITE once more: until the ACK that is the user's duty (RFC 3261 §13.3.1.4). */
  respondAgain(): void {
    this.input('2xx');
  }

  /** The 2xx was acknowledged: half a minute is too long to keep it and its user for nothing. */
  acknowledged(): void {
    this.#last = undefined;
    this.user = undefined;
  }

  /** A CANCEL for this INVITE. */
  cancel(request: SipRequest): void {
    if (this.pending) this.user?.onCancel?.(request);
  }

  close(): void {
    this.abandon();
    this.#settle();
    this.#onEnd(this);
  }

  protected override perform(effect: Effect, message: SipMessage | undefined, error: Error | undefined): void {
    switch (effect.do) {
      case 'send':
        this.context.onSend(message as SipResponse, this.flow);
        this.#transmit();
        break;
      case 'resend':
        if (!this.#last) break;
        this.context.counters.retransmissionsSent++;
        this.#transmit();
        break;
      case 'trying':
        this.respond(createResponse(this.#request as SipRequest, 100));
        break;
      case 'deliver':
        // The request itself is taken from whom it was made by; this is the ACK of a 2xx.
        if ((message as SipRequest).method === 'ACK') this.user?.onAck?.(message as SipRequest);
        break;
      case 'timeout':
        if (this.method === 'INVITE') this.context.counters.ackTimeouts++;
        else this.context.counters.expired++;
        break;
      case 'expire':
        this.context.counters.expired++;
        this.user?.onExpire?.();
        break;
      case 'fail':
        this.context.counters.transportErrors++;
        this.user?.onTransportError?.(error as Error);
        break;
    }
  }

  protected override entered(state: string): void {
    if (state === 'confirmed') this.#last = undefined;
    if (state !== 'proceeding') this.#request = undefined;
    if (state === 'completed') {
      this.#onSettled = this.user?.onSettled;
      this.user = undefined;
    } else if (state === 'confirmed') this.#settle();
    else if (state === 'terminated') {
      this.#settle();
      this.#onEnd(this);
    }
  }

  #settle(): void {
    const settled = this.#onSettled;
    this.#onSettled = undefined;
    settled?.();
  }

  #transmit(): void {
    const flow = this.context.replyFlow(this.flow, this.#replyPort);
    const bytes = this.#last as Uint8Array;
    this.context.onTransmit(this.callId, bytes, flow, false);
    flow.send(bytes, (error) => this.input('transportError', undefined, error));
  }
}
