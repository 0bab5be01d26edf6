/**
 * A SIP user agent core: takes what the transport received to the transaction, dialog or user it is for, and
 * offers its user INVITEs in both directions. Everything a peer can send has a defined answer here.
 */
import { ok, type Result, TandemError } from '../base/errors.ts';
import { isAdmitted, isFullOfDialogs, retryLater } from './admission.ts';
import { parseMessage } from './codec.ts';
import { dialogKey, originOf, SipCore } from './core.ts';
import type { Counters } from './counters.ts';
import type { Defence } from './defence/defence.ts';
import { Dialog, type DialogSnapshot } from './dialog.ts';
import { InviteBacklog } from './invite-backlog.ts';
import { composeRequest, digestOf, InviteClient } from './invite-client.ts';
import { InviteServer } from './invite-server.ts';
import { type SipMessage, type SipRequest, type SipResponse, tagOf } from './message.ts';
import type {
  Exchange,
  InviteOptions,
  OptionsAnswer,
  RequestOptions,
  ResponseOptions,
  SipEndpointOptions,
  SipListener,
  SipTransportName,
} from './options.ts';
import { OutgoingRequest } from './outgoing.ts';
import type { Replaces } from './replaces.ts';
import { createResponse } from './response.ts';
import { ServerRequest } from './server-request.ts';
import type { SipTrace } from './trace/trace.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { PeerFlow, Target } from './transport/flow.ts';
import { kinds } from './transport/kinds.ts';
import type { TlsServerOptions } from './transport/network.ts';
import { createNodeNetwork } from './transport/node.ts';
import { cancelUnfinished, refuseUnfinished, type UnfinishedInvite } from './unfinished.ts';
import { sdpType, validate } from './validate.ts';

export { AnsweredInvite } from './answered-invite.ts';
export { Dialog, type DialogSnapshot, type DialogState } from './dialog.ts';
export { IncomingRequest } from './incoming-request.ts';
export { InviteClient } from './invite-client.ts';
export { InviteServer, type ServerInvite } from './invite-server.ts';
export type {
  BodyOptions,
  Credentials,
  DialogEnd,
  Exchange,
  Flow,
  InviteOptions,
  InviteResult,
  ListenOptions,
  OptionsAnswer,
  RequestOptions,
  ResponseOptions,
  SipEndpointOptions,
  SipListener,
  SipTransportName,
} from './options.ts';
export { ServerRequest } from './server-request.ts';
export type { FiredTimer } from './transaction/transaction.ts';
export type { UnfinishedInvite } from './unfinished.ts';

export interface SipStats {
  /** Client and server transactions that are kept at this moment. */
  readonly transactions: number;
  readonly clientTransactions: number;
  readonly serverTransactions: number;
  readonly dialogs: number;
  /** TCP connections. */
  readonly connections: number;
  /** Sources that are banned. */
  readonly bans: number;
  /** Timers that wait. */
  readonly timers: number;
  /** What happened since the start, by cause. */
  readonly counters: Readonly<Counters>;
}

/** Where from and where to. */
export interface Way {
  readonly listener: SipListener;
  /** Numeric. */
  readonly address: string;
}

const defaultPendingInvites = 50_000;
const firstMessage = new TextEncoder().encode(
  'INVITE sip:a@b.invalid SIP/2.0\r\nVia: SIP/2.0/UDP b.invalid;branch=z9hG4bK1\r\nFrom: <sip:b@b.invalid>;tag=1\r\n' +
    'To: <sip:a@b.invalid>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:b@b.invalid>\r\nContent-Length: 0\r\n\r\n',
);
/** Messages that wait while calls are built again. */
const mostHeld = 10_000;

export class SipEndpoint {
  /** A new INVITE that passed validation. Default: 480. */
  onInvite: (invite: InviteServer) => void = (invite) => invite.reject(480);
  /** OPTIONS, in and outside a dialog: what to answer. Default: 200. Allow, Accept and Supported are added. */
  onOptions: (request: SipRequest) => OptionsAnswer = () => ({ status: 200 });
  /** A request of `outsideMethods` that is in no dialog. Default: 480. */
  onRequest: (request: ServerRequest) => void = (request) => request.respond(480);
  readonly #core: SipCore;
  readonly #maxPending: number;
  readonly #backlog: InviteBacklog;
  #held: [message: SipMessage, bytes: Uint8Array, flow: PeerFlow][] | undefined;
  #holdsInvites = false;
  #closing: Promise<void> | undefined;

  constructor(options: SipEndpointOptions) {
    this.#core = new SipCore(options, options.network ?? createNodeNetwork(), (message, bytes, flow) =>
      this.#received(message, bytes, flow),
    );
    this.#backlog = new InviteBacklog(options.clock, (invite) => {
      // Its source has shown since it came that it is not worth anybody's time.
      if (this.#core.defence.isLimited(invite.flow)) invite.reject(503, retryLater);
      else if (!this.#core.guard(() => this.onInvite(invite))) invite.reject(500);
    });
    this.#maxPending = options.maxPendingInvites ?? defaultPendingInvites;
  }

  /** What reads messages is compiled when the first one comes: then no message waits for that. */
  prepare(): void {
    parseMessage(firstMessage, 'datagram');
  }

  /** Opens all listeners or none. Rejects with TandemError ERR_PORT_IN_USE or ERR_LISTEN {transport, host, port}. */
  async open(): Promise<void> {
    await this.#core.transport.open();
    this.#core.tap.open();
  }

  /**
   * Connections to come get this certificate; those that are open stay as they are.
   * @param listener the only one that it is for; default every one with TLS
   * @throws TandemError ERR_TLS for one that cannot be used; nothing has changed then
   */
  secure(tls: TlsServerOptions, listener?: SipListener): void {
    this.#core.transport.secure(tls, listener);
  }

  /**
   * The listener that a request to this URI would leave from, and the address that it would go to; undefined when
   * there is no way.
   * @param transport overrides the URI's
   */
  async wayTo(uri: string, transport?: SipTransportName): Promise<Way | undefined> {
    const found = await this.resolve(uri, transport);
    if (!found.ok) return undefined;
    for (const target of found.value) {
      const listener = this.#core.transport.listenerFor(target);
      if (listener) return { listener, address: target.address };
    }
    return undefined;
  }

  /**
   * Where a request to this URI would be sent, in the order to try (RFC 3263).
   * @param transport overrides the URI's
   */
  async resolve(uri: string, transport?: SipTransportName): Promise<Result<readonly Target[], TandemError>> {
    const found = await this.#core.locate(uri, transport);
    return found.ok ? ok(found.targets) : found;
  }

  get listeners(): readonly SipListener[] {
    return this.#core.transport.listeners;
  }

  get counters(): Readonly<Counters> {
    return this.#core.counters;
  }

  get stats(): SipStats {
    const { transactions, transport, dialogs, timers, counters } = this.#core;
    return {
      transactions: transactions.clients + transactions.servers,
      clientTransactions: transactions.clients,
      serverTransactions: transactions.servers,
      dialogs: dialogs.size,
      connections: transport.connections,
      bans: this.defence.bans().length,
      timers: timers.size,
      counters: { ...counters },
    };
  }

  /** From now on requests of this method are taken, or refused with 405, in dialogs and outside. */
  take(method: string, on = true): void {
    this.#core.take(method, on);
  }

  /** Whether there is, or just was, a dialog of this name. */
  knows({ callId, toTag, fromTag }: Replaces): boolean {
    return this.#core.dialogs.has(dialogKey(callId, toTag, fromTag));
  }

  /** Who is banned, and the way out. */
  get defence(): Defence {
    return this.#core.defence;
  }

  /** What was on the wire, by call. */
  get trace(): SipTrace {
    return this.#core.tap.trace;
  }

  /** Sends at once. @throws TandemError ERR_CLOSED, ERR_HEADER, ERR_HEADER_INJECTION */
  invite(options: InviteOptions): InviteClient {
    this.#assertOpen();
    return new InviteClient(this.#core, options);
  }

  /**
   * Goes on with a dialog of an earlier process.
   * @returns undefined where it cannot: it is there already, or no listener is like the one before
   */
  restore(snapshot: DialogSnapshot): Dialog | undefined {
    return Dialog.restore(this.#core, snapshot);
  }

  /** An INVITE that an earlier process received gets its final response: 503. @returns false where there is no way */
  refuse(invite: UnfinishedInvite): boolean {
    return refuseUnfinished(this.#core, invite);
  }

  /** An INVITE that an earlier process sent is taken back, or its call ended. @returns false where there is no way */
  takeBack(invite: UnfinishedInvite): boolean {
    return cancelUnfinished(this.#core, invite);
  }

  /**
   * A request outside a dialog. Resolves with the final response: the peer's, or a local 408, 416 or 503.
   * @throws TandemError ERR_CLOSED, ERR_HEADER, ERR_HEADER_INJECTION
   */
  request(options: RequestOptions): Promise<SipResponse> {
    return this.exchange(options).then(({ response }) => response);
  }

  /** As `request`, with what was sent and by which way. */
  exchange(options: RequestOptions): Promise<Exchange> {
    this.#assertOpen();
    const { method } = options;
    const { request, nextHop } = composeRequest(this.#core, method, options, this.#core.newTag());
    const { promise, resolve } = Promise.withResolvers<Exchange>();
    let seq = 0;
    const nextSeq = options.nextSeq ?? (() => ++seq);
    request.headers.cseq = { seq: nextSeq(), method };
    const { transport, through, contactUser, contactParams, responseTimeout } = options;
    const withContact = contactUser !== undefined && request.headers.contact === undefined;
    const outgoing = new OutgoingRequest(
      this.#core,
      request,
      {
        ...{ nextHop, transport, through, contactUser, contactParams, withContact, responseTimeout },
        digest: digestOf(this.#core, options),
      },
      {
        onResponse: (response, local) => {
          if (response.status >= 200) resolve({ response, request: outgoing.request, flow: outgoing.flow, local });
        },
        nextSeq,
      },
    );
    outgoing.start();
    return promise;
  }

  /** Idempotent: closes sockets and ends what is left. What waits for a response gets a local 503. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const core = this.#core;
    core.closed = true;
    this.#backlog.close();
    core.transactions.close(new TandemError('ERR_CLOSED', 'the SIP endpoint was closed'));
    for (const dialog of [...core.dialogs.values()]) dialog.abort();
    // The users of the dialogs are told before the timers go that would tell them.
    core.onTimer();
    core.timers.clear();
    await core.transport.close();
    await core.tap.close();
    core.timers.clear();
  }

  #assertOpen(): void {
    if (this.#closing) throw new TandemError('ERR_CLOSED', 'the SIP endpoint is closed: open a new one');
  }

  /** Messages wait until `release`: who is to take them is not there yet. To be called before `open`. */
  hold(): void {
    this.#held ??= [];
  }

  /** New INVITEs are not heard any more: their callers try again. */
  holdInvites(): void {
    this.#holdsInvites = true;
  }

  /** Closes the sockets and tells nobody: another process goes on from here. */
  async suspend(): Promise<void> {
    this.hold();
    await this.#core.transport.close();
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const [message, bytes, flow] of held) this.#core.guard(() => this.#received(message, bytes, flow));
  }

  #received(message: SipMessage, bytes: Uint8Array, flow: PeerFlow): void {
    if (this.#closing) return;
    if (this.#held) {
      // What is too much comes again, as after any other loss.
      if (this.#held.length < mostHeld) this.#held.push([message, bytes, flow]);
      return;
    }
    if (this.#holdsInvites && message.kind === 'request' && message.method === 'INVITE' && !tagOf(message.headers.to))
      return;
    const core = this.#core;
    core.observe('in', message, flow);
    const note = (begins: boolean): void => core.tap.note('in', message.headers.callId, bytes, flow, begins);
    if (message.kind === 'response') {
      note(false);
      if (core.transactions.receiveResponse(message) || this.#isAcknowledgedAgain(message)) return;
      core.counters.strayResponses++;
      core.defence.nuisance(flow);
      return;
    }
    const known = core.transactions.match(message);
    if (known) {
      note(false);
      if (known.refused && message.method !== 'ACK') core.defence.nuisance(flow);
      core.guard(() => known.receive(message));
    } else if (message.method === 'ACK') {
      note(false);
      this.#ack(message, flow);
    } else if (message.method === 'INVITE' && core.answeredBefore.size > 0 && this.#isAnsweredAgain(message)) {
      note(false);
    } else if (isAdmitted(core, message, flow, this.#isKnown(message))) {
      note(message.method === 'INVITE' && tagOf(message.headers.to) === undefined);
      core.guard(() => this.#serve(message, flow));
    }
  }

  /** A copy of an INVITE whose transaction an earlier process had gets its 2xx again. */
  #isAnsweredAgain({ headers }: SipRequest): boolean {
    const acks = this.#core.answeredBefore.get(originOf(headers));
    acks?.repeatAnswer();
    return acks !== undefined;
  }

  /** A copy of the 2xx to an INVITE whose transaction an earlier process had gets its ACK again. */
  #isAcknowledgedAgain({ status, headers: { callId, from, to, cseq } }: SipResponse): boolean {
    if (cseq.method !== 'INVITE' || status < 200 || status >= 300) return false;
    const dialog = this.#core.dialogs.get(dialogKey(callId, tagOf(from) ?? '', tagOf(to)));
    dialog?.acks.sendAgain(cseq.seq);
    return dialog !== undefined;
  }

  /** Whether a request is for a call that there is. */
  #isKnown(request: SipRequest): boolean {
    if (request.method === 'CANCEL') return this.#core.transactions.matchCancelled(request) !== undefined;
    return tagOf(request.headers.to) !== undefined && this.#dialogOf(request) !== undefined;
  }

  /** ACK of a 2xx: a transaction of its own that has no answer (RFC 3261 §13.2.2.4). */
  #ack(ack: SipRequest, flow: PeerFlow): void {
    const core = this.#core;
    const dialog = this.#dialogOf(ack);
    if (dialog) core.guard(() => dialog.acks.receive(ack));
    else {
      core.counters.strayAcks++;
      core.defence.nuisance(flow);
    }
  }

  #serve(request: SipRequest, flow: PeerFlow): void {
    const core = this.#core;
    const merged = core.transactions.isMerged(request);
    const transaction = core.transactions.serve(request, flow);
    try {
      if (request.method === 'CANCEL') this.#cancel(request, transaction);
      else this.#dispatch(request, transaction, merged);
    } catch (error) {
      this.#answer(request, transaction, 500);
      throw error;
    }
  }

  #dispatch(request: SipRequest, transaction: ServerTransaction, merged: boolean): void {
    const core = this.#core;
    const refusal = validate(request, core, kinds[transaction.flow.transport].secure);
    if (refusal) {
      core.counters.rejected++;
      this.#answer(request, transaction, refusal.status, refusal);
      return;
    }
    const inDialog = tagOf(request.headers.to) !== undefined;
    if (request.method === 'OPTIONS' && !inDialog) {
      core.defence.nuisance(transaction.flow);
      this.#options(request, transaction);
    } else if (inDialog || request.method === 'BYE') {
      const dialog = this.#dialogOf(request);
      if (!dialog) this.#gone(request, transaction);
      else if (request.method !== 'OPTIONS') dialog.receive(request, transaction);
      else if (dialog.admit(request, transaction)) this.#options(request, transaction);
    } else if (merged) {
      core.counters.merged++;
      this.#answer(request, transaction, 482);
    } else if (request.method !== 'INVITE') {
      const outside = new ServerRequest(core, transaction, request);
      if (!core.guard(() => this.onRequest(outside))) outside.respond(500);
    } else if (core.pendingInvites >= this.#maxPending) {
      core.counters.overload++;
      this.#answer(request, transaction, 503, retryLater);
    } else if (isFullOfDialogs(core, transaction.flow)) {
      core.counters.overDialogs++;
      this.#answer(request, transaction, 503, retryLater);
    } else if (core.defence.callsTooOften(transaction.flow)) {
      core.counters.overCalls++;
      this.#answer(request, transaction, 503, retryLater);
    } else {
      this.#backlog.add(new InviteServer(core, transaction, request));
    }
  }

  #gone(request: SipRequest, transaction: ServerTransaction): void {
    this.#core.defence.nuisance(transaction.flow);
    this.#answer(request, transaction, 481);
  }

  /** RFC 3261 §9.2 */
  #cancel(cancel: SipRequest, transaction: ServerTransaction): void {
    const invite = this.#core.transactions.matchCancelled(cancel);
    if (!invite) {
      this.#gone(cancel, transaction);
      return;
    }
    this.#answer(cancel, transaction, 200, {}, invite.tag);
    invite.cancel(cancel);
  }

  /** RFC 3261 §11.2 */
  #options(request: SipRequest, transaction: ServerTransaction): void {
    const { status, headers = [], ...content } = this.onOptions(request);
    const { allow, supported } = this.#core;
    this.#answer(request, transaction, status, {
      ...content,
      headers: [['Allow', allow], ['Accept', sdpType], ['Supported', supported.join(', ')], ...headers],
    });
  }

  #answer(
    request: SipRequest,
    transaction: ServerTransaction,
    status: number,
    options: ResponseOptions = {},
    tag = this.#core.newTag(),
  ): void {
    const response = createResponse(request, status, tag, options);
    this.#core.introduce(response);
    transaction.respond(response);
  }

  #dialogOf({ headers }: SipRequest) {
    const localTag = tagOf(headers.to);
    return localTag === undefined
      ? undefined
      : this.#core.dialogs.get(dialogKey(headers.callId, localTag, tagOf(headers.from)));
  }
}
