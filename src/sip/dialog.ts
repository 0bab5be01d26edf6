/**
 * A dialog (RFC 3261 §12) at work: requests in both directions, and its end. What it knows is in `dialog-data.ts`,
 * ACKs are in `dialog-acks.ts`.
 */
import { checkHeaders } from './check-headers.ts';
import { dialogKey, type SipCore } from './core.ts';
import { sourceOf } from './defence/sources.ts';
import { type AckedDialog, DialogAcks } from './dialog-acks.ts';
import { DialogData, type DialogInit, type DialogState, recordedRoute } from './dialog-data.ts';
import { addressText, type DialogSnapshot, initOf } from './dialog-snapshot.ts';
import { DigestClient } from './digest-client.ts';
import { IncomingRequest } from './incoming-request.ts';
import type { HeaderField, SipMessage, SipRequest, SipResponse } from './message.ts';
import { Offers } from './offers.ts';
import type { BodyOptions, DialogEnd } from './options.ts';
import { OutgoingRequest, type OutgoingUser } from './outgoing.ts';
import type { ReliableResponses } from './reliable-responses.ts';
import { createResponse, localResponse } from './response.ts';
import type { ServerTransaction } from './transaction/server.ts';
import { flowName, type PeerFlow, socketOf } from './transport/flow.ts';
import { TurnGate } from './turn-gate.ts';

export type { DialogState } from './dialog-data.ts';
export type { DialogSnapshot } from './dialog-snapshot.ts';

/** An INVITE of the peer that waits for its final response. */
export interface PendingInvite {
  /** Answers it; `by` is the request of the peer that made this necessary. */
  terminate(status: number, by?: SipRequest): void;
}

/** Requests that move the remote target (RFC 3261 §12.2, RFC 3311, RFC 6665 §4.4.1). */
const targetRefresh: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE']);

export class Dialog implements AckedDialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string | undefined;
  readonly role: 'uac' | 'uas';
  /** Requests of the peer in the order of their CSeq. BYE has been answered by then. Default: refuses. */
  onRequest: (request: IncomingRequest) => void = refuse;
  /** Once, when a confirmed dialog ends. */
  onEnd: (cause: DialogEnd) => void = ignore;
  /** What its snapshot says is another thing now. */
  onChange: () => void = ignore;
  /** @internal */
  readonly gate: TurnGate;
  /** @internal */
  readonly offers = new Offers();
  /** @internal */
  readonly acks: DialogAcks;
  /** @internal UAS: what waits for PRACK. */
  reliable: ReliableResponses | undefined;
  readonly #core: SipCore;
  readonly #data: DialogData;
  readonly #digest: DigestClient | undefined;
  readonly #key: string;
  #flow: PeerFlow;
  /** The peer as the defence knows it. */
  readonly #source: string;
  #up = false;
  #state: DialogState = 'early';
  #ended = false;
  #bye: Promise<void> | undefined;
  /** INVITE of the peer without our final response. */
  #invited: PendingInvite | undefined;

  /** @internal */
  constructor(core: SipCore, init: DialogInit, flow: PeerFlow, digest?: DigestClient) {
    this.#core = core;
    this.gate = new TurnGate(core);
    this.acks = new DialogAcks(core, this);
    this.role = init.role;
    this.callId = init.callId;
    this.localTag = init.localTag;
    this.remoteTag = init.remoteTag;
    this.#data = new DialogData(init);
    this.#digest = digest;
    this.#flow = flow;
    this.#flow.hold();
    this.#key = dialogKey(init.callId, init.localTag, init.remoteTag);
    core.dialogs.set(this.#key, this);
    this.#source = sourceOf(flow.address);
    if (this.role === 'uas') core.defence.dialogs.add(this.#source);
  }

  /**
   * @internal A dialog that an earlier process had.
   * @returns undefined where there is one of its name, or no listener for its peer
   */
  static restore(core: SipCore, snapshot: DialogSnapshot): Dialog | undefined {
    const { callId, localTag, remoteTag, credentials } = snapshot;
    const flow = core.transport.flowAgain(snapshot.flow);
    if (!flow || core.dialogs.has(dialogKey(callId, localTag, remoteTag))) return undefined;
    const dialog = new Dialog(core, initOf(snapshot), flow, credentials && new DigestClient(credentials, core.random));
    dialog.#state = 'confirmed';
    dialog.#data.allowed = snapshot.allowed;
    dialog.acks.restore(snapshot);
    dialog.isUp();
    return dialog;
  }

  get localUri(): string {
    return this.#data.init.local.uri;
  }

  get remoteUri(): string {
    return this.#data.init.remote.uri;
  }

  get remoteTarget(): string {
    return this.#data.remoteTarget;
  }

  /** Our Contact: what the peer calls us by. */
  get localContact(): string {
    return this.#data.init.contact[0]?.uri ?? '';
  }

  /** Our end of the way to the peer: `udp:192.0.2.1:5060`. */
  get socket(): string {
    return socketOf(this.#flow);
  }

  get routeSet(): readonly string[] {
    return this.#data.routeSet;
  }

  get localSeq(): number {
    return this.#data.localSeq;
  }

  get remoteSeq(): number | undefined {
    return this.#data.remoteSeq;
  }

  get state(): DialogState {
    return this.#state;
  }

  /** Whether the peer said that it takes requests of this method (Allow, RFC 3261 §20.5). */
  allows(method: string): boolean {
    return this.#data.allowed.has(method);
  }

  /** Where its messages come from. */
  get peer(): PeerFlow {
    return this.#flow;
  }

  /** Whether its peer can be reached without a new connection. */
  get isReachable(): boolean {
    return this.#flow.open;
  }

  snapshot(): DialogSnapshot {
    const { role, callId, localTag, remoteTag } = this;
    const { init, remoteTarget, routeSet, localSeq, remoteSeq, allowed } = this.#data;
    return {
      ...{ version: 1, role, state: this.#state, callId, localTag, remoteTag, remoteTarget, localSeq, remoteSeq },
      local: addressText(init.local),
      remote: addressText(init.remote),
      routeSet: [...routeSet],
      contact: init.contact.map(addressText),
      byFlow: init.byFlow,
      allowed: [...allowed],
      flow: flowName(this.#flow),
      credentials: this.#digest && [...this.#digest.credentials],
      ...this.acks.snapshot,
    };
  }

  /**
   * Acknowledges the 2xx to our last INVITE; copies of that 2xx get the same ACK. Does nothing when there is no
   * such 2xx.
   */
  ack(options: BodyOptions = {}): void {
    const invite = this.acks.take();
    if (!invite) return;
    this.offers.end('ours', 'INVITE');
    const ack = this.#compose('ACK', invite.headers.cseq.seq, options);
    // RFC 3261 §22.1: the ACK of a challenged INVITE shows the same credentials.
    for (const name of ['authorization', 'proxy-authorization']) {
      const values = invite.headers.other.get(name);
      if (values) ack.request.headers.other.set(name, values);
    }
    this.acks.send(ack.request, ack.nextHop, this.#through);
  }

  /**
   * Sends a request and resolves with its final response: the peer's, or a local 408, 416, 491 or 503. It never
   * rejects. 408 and 481 end the dialog (RFC 3261 §12.2.1.2). A 2xx to INVITE is to be followed by `ack`.
   * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION
   */
  request(method: string, options: BodyOptions = {}): Promise<SipResponse> {
    const { request, nextHop } = this.#compose(method, this.#data.localSeq + 1, options);
    if (this.#state === 'terminated') return Promise.resolve(localResponse(request, 481));
    if (!this.offers.allows(request)) return Promise.resolve(localResponse(request, 491));
    return this.#exchange(request, nextHop).then((response) => {
      // What a NOTIFY tells has a life of its own: the call goes on (RFC 5057 §5.1). Who asks by OPTIONS whether the
      // peer is still there decides itself how often it may not answer.
      if (method !== 'NOTIFY' && method !== 'OPTIONS' && (response.status === 481 || response.status === 408)) {
        // After 481 there is nobody to say goodbye to.
        if (response.status === 408 && this.#state === 'confirmed') void this.bye();
        this.#end({ by: response.status === 408 ? 'timeout' : 'error', response });
      }
      return response;
    });
  }

  /**
   * Ends the dialog. Idempotent; resolves at the final response or the timeout, never rejects.
   * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION; the dialog is as before then
   */
  bye(headers: readonly HeaderField[] = []): Promise<void> {
    if (!this.#bye) {
      checkHeaders(headers);
      this.#bye = this.#sayBye(headers);
    }
    return this.#bye;
  }

  // What follows is for the endpoint, the client and the server of the INVITE.

  /** @internal The peer has acknowledged, or was acknowledged. */
  isUp(): void {
    if (this.#up || this.#core.dialogs.get(this.#key) !== this) return;
    this.#up = true;
    this.#core.defence.callUp(this.#source);
  }

  /** @internal A 2xx was sent or received. */
  confirm(): void {
    if (this.#state === 'early') this.#state = 'confirmed';
    this.onChange();
  }

  /** @internal UAC: a 2xx to an INVITE of ours came for the first time. */
  accepted(invite: SipRequest, response: SipResponse, flow: PeerFlow): void {
    this.acks.owe(invite);
    this.#moveTo(flow);
    this.isUp();
    this.#data.refresh(response.headers);
    this.offers.respond('ours', invite, response);
    // Only the 2xx fixes the route set (RFC 3261 §13.2.2.4).
    if (this.#state === 'early') this.#data.routeSet = recordedRoute(response.headers).reverse();
    this.confirm();
  }

  /**
   * @internal UAC: acknowledges a provisional response (RFC 3262 §4). What becomes of the PRACK changes nothing: the
   * INVITE decides.
   * @param content the answer to an offer that the response had
   */
  prack(rseq: number, invite: SipRequest, content: BodyOptions): void {
    if (this.#state === 'terminated') return;
    const headers: HeaderField[] = [['RAck', `${rseq} ${invite.headers.cseq.seq} INVITE`]];
    const prack = this.#compose('PRACK', this.#data.localSeq + 1, { ...content, headers });
    if (this.offers.waiting('ours', 'INVITE') === 'theirs') this.offers.end('ours', 'INVITE');
    void this.#exchange(prack.request, prack.nextHop);
  }

  /** @internal Headers that every response of ours in the dialog has. */
  complete(response: SipResponse, request: SipRequest): void {
    const { headers, status } = response;
    this.#core.introduce(response);
    if (!targetRefresh.has(request.method) || status <= 100 || status >= 300) return;
    headers.contact ??= this.#data.init.contact;
    if (this.#state === 'early' && request.headers.recordRoute) headers.recordRoute = request.headers.recordRoute;
  }

  /** @internal A request of the peer was answered finally, or cannot be. */
  answered(incoming: IncomingRequest, transaction: ServerTransaction, response: SipResponse): void {
    const { request } = incoming;
    if (this.#invited === incoming) this.invited = undefined;
    if (request.method === 'UPDATE') this.offers.updated = false;
    this.offers.respond('theirs', request, response);
    if (response.status >= 300) return;
    if (targetRefresh.has(request.method)) {
      this.#data.refresh(request.headers);
      this.onChange();
    }
    if (request.method !== 'INVITE') return;
    this.acks.await(
      transaction,
      request.headers.cseq.seq,
      (ack) => incoming.onAck(ack),
      () => {
        void this.bye();
        this.#end({ by: 'timeout' });
      },
    );
  }

  /** @internal UAS: the INVITE that makes this dialog waits for its answer, or no longer. */
  set invited(server: PendingInvite | undefined) {
    this.#invited = server;
    this.offers.invited = server !== undefined;
  }

  /** @internal What a message of the peer tells of it. */
  learn({ headers }: SipMessage): void {
    this.#data.refresh(headers);
  }

  /** @internal A new request of the peer other than ACK and CANCEL. */
  receive(request: SipRequest, transaction: ServerTransaction): void {
    const { method } = request;
    const answer = (status: number, extra: readonly HeaderField[] = []): void =>
      this.#answer(request, transaction, status, extra);
    if (!this.admit(request, transaction)) return;
    if (method === 'BYE') {
      answer(200);
      this.#invited?.terminate(487, request);
      this.#end({ by: 'remote', request });
      return;
    }
    if (this.#state === 'terminated') {
      answer(481);
      return;
    }
    // The answer to an offer of ours in a provisional response.
    const isAnswer = method === 'PRACK' && this.offers.waiting('theirs', 'INVITE') === 'ours';
    if (method === 'PRACK') {
      const acknowledged = this.reliable?.acknowledge(request) ?? false;
      if (!acknowledged || (!isAnswer && request.body.length === 0)) {
        answer(acknowledged ? 200 : 481);
        return;
      }
    }
    if (isAnswer) this.offers.end('theirs', 'INVITE');
    const crossed = isAnswer ? undefined : this.offers.refusal(request);
    if (crossed) {
      answer(crossed, crossed === 500 ? [['Retry-After', this.#retryAfter()]] : []);
      return;
    }
    const incoming = new IncomingRequest(this, transaction, request);
    if (method === 'INVITE') this.invited = incoming;
    if (method === 'UPDATE') this.offers.updated = true;
    if (method === 'INVITE' || (!isAnswer && offers(request))) this.offers.begin('theirs', method);
    this.gate.run(() => {
      if (this.#core.guard(() => this.onRequest(incoming))) return;
      incoming.respond(500);
    });
  }

  /**
   * @internal RFC 3261 §12.2.2: whether a request comes in order; one that does not is answered here.
   * A number that went back is out of order. An equal one is no copy: those were matched before.
   */
  admit(request: SipRequest, transaction: ServerTransaction): boolean {
    const { seq } = request.headers.cseq;
    if (this.#data.remoteSeq !== undefined && seq <= this.#data.remoteSeq) {
      this.#answer(request, transaction, 500, [['Retry-After', this.#retryAfter()]]);
      return false;
    }
    this.#data.remoteSeq = seq;
    this.#moveTo(transaction.flow);
    this.onChange();
    return true;
  }

  #answer(request: SipRequest, transaction: ServerTransaction, status: number, extra: readonly HeaderField[]): void {
    const response = createResponse(request, status, this.localTag, { headers: extra });
    this.#core.introduce(response);
    transaction.respond(response);
  }

  /**
   * @internal The user is not asked any more: what the peer wants is refused. The transaction of our INVITE keeps the
   * dialog for half a minute more, which must not keep the user's call.
   */
  forget(): void {
    this.onRequest = refuse;
    this.onEnd = ignore;
    this.onChange = ignore;
  }

  /** @internal Ends without a word to the user: the INVITE was never accepted, or the endpoint closes. */
  discard(): void {
    this.#ended = true;
    this.forget();
    this.#end({ by: 'local' });
    this.#remove();
  }

  /** @internal The endpoint closes. */
  abort(): void {
    this.#end({ by: 'error' });
    this.#remove();
  }

  #compose(method: string, seq: number, options: BodyOptions): { request: SipRequest; nextHop: string } {
    const composed = this.#data.compose(method, seq, options);
    this.#core.introduce(composed.request);
    return composed;
  }

  #exchange(request: SipRequest, nextHop: string): Promise<SipResponse> {
    const invite = request.method === 'INVITE';
    const { promise, resolve } = Promise.withResolvers<SipResponse>();
    let final = false;
    const user: OutgoingUser = {
      onResponse: (response, local) => {
        if (response.status < 200) return;
        if (final) {
          this.acks.sendAgain(response.headers.cseq.seq);
          return;
        }
        final = true;
        if (invite) this.offers.inviting = false;
        this.offers.respond('ours', request, response);
        if (response.status < 300 && !local) {
          if (invite) this.acks.owe(outgoing.request);
          if (targetRefresh.has(request.method)) this.#data.refresh(response.headers);
        }
        // The connection before is gone, and the peer was reached by a new one.
        if (!local && !this.#flow.open && outgoing.flow?.open) this.#moveTo(outgoing.flow);
        this.onChange();
        resolve(response);
      },
      onTerminated: () => this.acks.forget(outgoing.request.headers.cseq.seq),
      nextSeq: () => ++this.#data.localSeq,
    };
    const outgoing = new OutgoingRequest(
      this.#core,
      request,
      { nextHop, flow: this.#flow, through: this.#through, digest: this.#digest },
      user,
    );
    outgoing.start();
    this.#data.localSeq = Math.max(this.#data.localSeq, request.headers.cseq.seq);
    if (invite || (request.method !== 'PRACK' && offers(request))) this.offers.begin('ours', request.method);
    if (invite) this.offers.inviting = true;
    this.onChange();
    return promise;
  }

  /** The way to a peer whose Contact does not lead to it. */
  get #through(): PeerFlow | undefined {
    const { init, routeSet } = this.#data;
    if (!init.byFlow || routeSet.length > 0) return undefined;
    return this.#flow.open ? this.#flow : this.#core.options.flowOf?.(this.remoteTarget);
  }

  async #sayBye(headers: readonly HeaderField[]): Promise<void> {
    if (this.#state === 'terminated') return;
    this.ack();
    // RFC 3261 §15: a callee's BYE waits for the ACK, or until there is none to come.
    const settled = this.acks.whenSettled();
    if (settled) {
      await settled;
      if (this.#ended) {
        this.#remove();
        return;
      }
    }
    const { request, nextHop } = this.#compose('BYE', this.#data.localSeq + 1, { headers });
    this.#state = 'terminated';
    this.#invited?.terminate(487);
    const response = await this.#exchange(request, nextHop);
    this.#end({ by: 'local', response });
    this.#remove();
  }

  #end(cause: DialogEnd): void {
    this.#state = 'terminated';
    this.acks.stop();
    // While our own BYE is on its way, the peer's may cross it and wants its 200.
    if (!this.#bye) this.#remove();
    if (this.#ended) return;
    this.#ended = true;
    this.gate.run(() => {
      const { onEnd } = this;
      this.forget();
      onEnd(cause);
    });
  }

  #remove(): void {
    if (this.#core.dialogs.get(this.#key) !== this) return;
    this.#core.dialogs.delete(this.#key);
    const { defence } = this.#core;
    if (this.role === 'uas') defence.dialogs.remove(this.#source);
    if (this.#up) defence.callDown(this.#source);
    this.#flow.release();
  }

  #moveTo(flow: PeerFlow): void {
    if (flow === this.#flow) return;
    flow.hold();
    this.#flow.release();
    this.#flow = flow;
  }

  #retryAfter(): string {
    return String(this.#core.random.uint32() % 11);
  }
}

/** Whether a request has an offer of its own; those of an INVITE are another matter. */
function offers({ method, body }: SipRequest): boolean {
  return (method === 'UPDATE' || method === 'PRACK') && body.length > 0;
}

function refuse(incoming: IncomingRequest): void {
  incoming.respond(incoming.request.method === 'INVITE' ? 488 : 501);
}

function ignore(): void {}
