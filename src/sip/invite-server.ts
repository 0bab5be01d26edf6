/** An INVITE of a peer that makes a dialog (RFC 3261 §13.3). */

import { TandemError } from '../base/errors.ts';
import type { SipCore } from './core.ts';
import { Dialog, type PendingInvite } from './dialog.ts';
import { contactOf, recordedRoute } from './dialog-data.ts';
import { writeRequest } from './dialog-snapshot.ts';
import type { SipRequest, SipResponse } from './message.ts';
import type { Flow, ProvisionalOptions, ResponseOptions, SipListener } from './options.ts';
import { ReliableResponses } from './reliable-responses.ts';
import { createResponse } from './response.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { QueuedTimer } from './transaction/timer-queue.ts';
import { flowName } from './transport/flow.ts';
import { uasDialog } from './uas-dialog.ts';
import type { UnfinishedInvite } from './unfinished.ts';
import { isSips, uriUser } from './uri.ts';

/** A ringing call says so every minute, or a proxy on the way gives it up (RFC 3261 §13.3.1.1). */
const refreshMs = 60_000;
/** And no longer than so many minutes if its user does nothing. */
const refreshes = 30;

/** What the user of an INVITE has of it. */
export type ServerInvite = Pick<
  InviteServer,
  | 'request'
  | 'dialog'
  | 'flow'
  | 'onCancel'
  | 'onAck'
  | 'onAckTimeout'
  | 'provisional'
  | 'acknowledged'
  | 'accept'
  | 'reject'
  | 'whenSettled'
  | 'unfinished'
>;

export class InviteServer implements PendingInvite {
  readonly request: SipRequest;
  /** Early until `accept`; its local tag is in every response but 100. */
  readonly dialog: Dialog;
  /**
   * The INVITE is over before its final response was sent, and has been answered: 487 to a CANCEL or an early BYE
   * (passed on), 408 when the user was silent for timer C, 504 when a reliable response got no PRACK, or nothing
   * could be sent (503).
   */
  onCancel: (cancel: SipRequest | undefined, status: number) => void = () => {};
  onAck: (ack: SipRequest) => void = () => {};
  /** No ACK in 64·T1. The dialog stands; its user decides, and BYE is what the RFC advises. */
  onAckTimeout: () => void = () => {};
  readonly #core: SipCore;
  readonly #transaction: ServerTransaction;
  readonly #refused = Promise.withResolvers<void>();
  #cancelled = false;
  #settled = false;
  #refresh: QueuedTimer | undefined;
  #refreshed = 0;
  #ringing: SipResponse | undefined;
  #reliable: ReliableResponses | undefined;

  /** @internal */
  constructor(core: SipCore, transaction: ServerTransaction, request: SipRequest) {
    this.#core = core;
    this.#transaction = transaction;
    this.request = request;
    const { flow } = transaction;
    const localTag = core.newTag();
    const contact = core.contact(flow, uriUser(request.uri), asksForSips(request));
    this.dialog = new Dialog(core, uasDialog(request, localTag, contact), flow);
    this.dialog.learn(request);
    this.dialog.invited = this;
    this.dialog.offers.begin('theirs', 'INVITE');
    core.pendingInvites++;
    transaction.tag = this.dialog.localTag;
    this.dialog.gate.shut();
    transaction.user = {
      onAck: (ack) => this.dialog.acks.receive(ack),
      onCancel: (cancel) => this.terminate(487, cancel),
      onExpire: () => this.terminate(408),
      onTransportError: () => {
        this.#abandon(undefined, 503);
        this.#refused.resolve();
      },
      onSettled: this.#refused.resolve,
    };
  }

  get flow(): Flow {
    return this.#transaction.flow;
  }

  /** As it is told to a later process that finds it without an answer. */
  get unfinished(): UnfinishedInvite | undefined {
    const { localTag } = this.dialog;
    return { request: writeRequest(this.request), flow: flowName(this.#transaction.flow), localTag };
  }

  get listener(): SipListener {
    return this.#transaction.flow.listener;
  }

  /** True once the INVITE was answered in the user's place: what the user answers then is dropped. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /**
   * 100–199. A ringing response is repeated every minute. One that is `reliable` is sent again until its PRACK, and
   * the INVITE gets 504 when there is none (RFC 3262 §3).
   * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION
   */
  provisional(status: number, { reliable = false, ...options }: ProvisionalOptions = {}): void {
    if (!this.#transaction.pending) return;
    const response = this.#compose(status, options);
    if (reliable) this.#reliably(response);
    else this.#transaction.respond(response);
    if (status === 100) return;
    this.#ringing = response;
    this.#refreshed = 0;
    this.#core.timers.cancel(this.#refresh);
    this.#refresh = this.#core.timers.set(this, 'refresh', refreshMs);
  }

  /** Resolves when `accept` may be called: no SDP in a provisional response waits for its PRACK (RFC 3262 §3). */
  async acknowledged(): Promise<void> {
    await this.#reliable?.whenSettled();
  }

  /**
   * 200, repeated until the ACK.
   * @throws TandemError ERR_STATE before `acknowledged` resolved; ERR_HEADER, ERR_HEADER_INJECTION
   */
  accept(options: ResponseOptions = {}): void {
    if (!this.#transaction.pending) return;
    if (this.#reliable?.settled === false)
      throw new TandemError('ERR_STATE', 'a provisional response with SDP has no PRACK yet');
    const response = this.#compose(200, options);
    this.#transaction.respond(response);
    this.#done();
    this.dialog.offers.respond('theirs', this.request, response);
    this.dialog.confirm();
    this.dialog.acks.await(
      this.#transaction,
      this.request.headers.cseq.seq,
      (ack) => this.onAck(ack),
      () => this.onAckTimeout(),
    );
  }

  /** 300–699. @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION */
  reject(status: number, options: ResponseOptions = {}): void {
    if (!this.#transaction.pending) return;
    this.#transaction.respond(this.#compose(status, options));
    this.#done();
    this.dialog.discard();
  }

  /** Resolves when a refusal was acknowledged, or will not be any more. Never for an INVITE that is accepted. */
  whenSettled(): Promise<void> {
    return this.#refused.promise;
  }

  /** @internal Answers in the user's place. */
  terminate(status: number, by?: SipRequest): void {
    if (!this.#transaction.pending) return;
    this.#transaction.respond(this.#compose(status, {}));
    this.#abandon(by, status);
  }

  onTimer(): void {
    const ringing = this.#ringing;
    if (!ringing || this.#refreshed++ >= refreshes) return;
    // One that is reliable has arrived; what comes next is another, without the SDP that it had.
    if (ringing.headers.other.has('rseq')) this.#reliably(this.#compose(ringing.status, {}));
    else this.#transaction.respond(ringing);
    this.#refresh = this.#core.timers.set(this, 'refresh', refreshMs);
  }

  #compose(status: number, options: ResponseOptions): SipResponse {
    const response = createResponse(this.request, status, status === 100 ? undefined : this.dialog.localTag, options);
    this.dialog.complete(response, this.request);
    return response;
  }

  #reliably(response: SipResponse): void {
    // RFC 3311 §5.1: whether UPDATE may come before the answer.
    response.headers.other.set('allow', [this.#core.allow]);
    this.#reliable ??= new ReliableResponses(this.#core, this.request.headers.cseq.seq, {
      send: (next, first) => {
        if (first && next.body.length > 0) this.dialog.offers.respond('theirs', this.request, next);
        this.#transaction.respond(next);
      },
      onNoPrack: () => this.terminate(504),
    });
    this.dialog.reliable = this.#reliable;
    this.#reliable.add(response);
  }

  #abandon(by: SipRequest | undefined, status: number): void {
    if (this.#settled) return;
    this.#cancelled = true;
    this.#done();
    this.dialog.discard();
    this.dialog.gate.run(() => this.onCancel(by, status));
  }

  #done(): void {
    this.#settled = true;
    this.#core.pendingInvites--;
    this.dialog.invited = undefined;
    this.#ringing = undefined;
    this.#reliable?.stop();
    this.#core.timers.cancel(this.#refresh);
  }
}

/** RFC 3261 §12.1.1: our Contact has to be a sips URI where the way to us or back is one. */
function asksForSips({ uri, headers }: SipRequest): boolean {
  return isSips(uri) || isSips(recordedRoute(headers)[0] ?? contactOf(headers) ?? '');
}
