/** A client transaction: sends a request until it is answered (RFC 3261 §17.1). */
import { printMessage } from '../codec.ts';
import { noBody, type SipMessage, type SipRequest, type SipResponse, type Via } from '../message.ts';
import type { PeerFlow } from '../transport/flow.ts';
import { inviteClient } from './invite-client.ts';
import { type Effect, responseInput } from './machine.ts';
import { nonInviteClient } from './non-invite-client.ts';
import { Transaction, type TransactionContext } from './transaction.ts';

/** What a client transaction tells its user. */
export interface ClientUser {
  /** Each provisional response, the final one, and further 2xx to an INVITE. */
  onResponse(response: SipResponse): void;
  /** No final response in 64·T1. */
  onTimeout(): void;
  onTransportError(error: Error): void;
  /** An INVITE has rung for timer C. */
  onExpire(): void;
  /** Nothing more will come. */
  onTerminated(): void;
}

export class ClientTransaction extends Transaction {
  readonly role = 'client';
  readonly method: string;
  readonly callId: string;
  readonly request: SipRequest;
  readonly flow: PeerFlow;
  readonly #user: ClientUser;
  readonly #onEnd: (transaction: ClientTransaction) => void;
  #bytes: Uint8Array;
  #ack: Uint8Array | undefined;

  /**
   * @param request with its Via.
   * @param bytes the request as it is sent.
   */
  constructor(
    context: TransactionContext,
    request: SipRequest,
    bytes: Uint8Array,
    flow: PeerFlow,
    user: ClientUser,
    onEnd: (transaction: ClientTransaction) => void,
  ) {
    super(context, request.method === 'INVITE' ? inviteClient : nonInviteClient, flow.reliable);
    this.request = request;
    this.method = request.method;
    this.callId = request.headers.callId;
    this.flow = flow;
    this.#user = user;
    this.#onEnd = onEnd;
    this.#bytes = bytes;
  }

  start(): void {
    this.input('start', this.request);
  }

  /** A response whose branch, method and sent-by are those of the request (RFC 3261 §17.1.3). */
  receive(response: SipResponse): void {
    const { status } = response;
    const again = status >= 200 && (this.state === 'completed' || this.state === 'accepted');
    if (again) this.context.counters.retransmissionsReceived++;
    this.input(responseInput(this.method, status), response);
  }

  /** A CANCEL was sent for this INVITE. */
  cancelled(): void {
    this.input('cancelled');
  }

  /** The endpoint closes: ends at once, and tells the user unless it has a final response. */
  close(error: Error): void {
    const waiting = this.state === 'calling' || this.state === 'trying' || this.state === 'proceeding';
    this.abandon();
    this.#onEnd(this);
    if (waiting) this.#user.onTransportError(error);
    this.#user.onTerminated();
  }

  protected override perform(effect: Effect, message: SipMessage | undefined, error: Error | undefined): void {
    switch (effect.do) {
      case 'send':
        this.context.onSend(this.request, this.flow);
        this.#transmit(this.#bytes);
        break;
      case 'resend':
        this.context.counters.retransmissionsSent++;
        this.#transmit(this.#bytes);
        break;
      case 'ack':
        this.#acknowledge(message as SipResponse);
        break;
      case 'deliver':
        this.#user.onResponse(message as SipResponse);
        break;
      case 'timeout':
        this.context.counters.timeouts++;
        this.#user.onTimeout();
        break;
      case 'expire':
        this.#user.onExpire();
        break;
      case 'fail':
        this.context.counters.transportErrors++;
        this.#user.onTransportError(error as Error);
        break;
    }
  }

  protected override entered(state: string): void {
    if (state === 'completed' || state === 'accepted') this.#bytes = noBody;
    if (state !== 'terminated') return;
    this.#onEnd(this);
    this.#user.onTerminated();
  }

  #transmit(bytes: Uint8Array): void {
    this.context.onTransmit(this.callId, bytes, this.flow, this.method === 'INVITE');
    this.flow.send(bytes, (error) => this.input('transportError', undefined, error));
  }

  /** RFC 3261 §17.1.1.3: the request's own top Via and its Route set, or the ACK takes another way and is lost. */
  #acknowledge(response: SipResponse): void {
    if (this.#ack) {
      this.context.counters.retransmissionsSent++;
      this.#transmit(this.#ack);
      return;
    }
    const { headers, uri } = this.request;
    const ack: SipRequest = {
      kind: 'request',
      method: 'ACK',
      uri,
      headers: {
        via: [headers.via[0] as Via],
        from: headers.from,
        to: response.headers.to,
        callId: headers.callId,
        cseq: { seq: headers.cseq.seq, method: 'ACK' },
        maxForwards: 70,
        ...(headers.route ? { route: headers.route } : undefined),
        other: new Map(),
      },
      body: noBody,
    };
    this.#ack = printMessage(ack);
    this.context.onSend(ack, this.flow);
    this.#transmit(this.#ack);
  }
}
