/**
 * A SIP user agent core: takes what the transport received to the transaction, dialog or user it is for, and
 * offers its user INVITEs in both directions. Everything a peer can send has a defined answer here.
 */
import { ok, type Result, TandemError } from '../base/errors.ts';
import { dialogKey, SipCore } from './core.ts';
import type { Counters } from './counters.ts';
import { InviteBacklog } from './invite-backlog.ts';
import { composeRequest, InviteClient } from './invite-client.ts';
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
import { createResponse } from './response.ts';
import { ServerRequest } from './server-request.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { PeerFlow, Target } from './transport/flow.ts';
import { kinds } from './transport/kinds.ts';
import type { TlsServerOptions } from './transport/network.ts';
import { createNodeNetwork } from './transport/node.ts';
import { sdpType, validate } from './validate.ts';

export { Dialog, type DialogSnapshot, type DialogState } from './dialog.ts';
export { IncomingRequest } from './incoming-request.ts';
export { InviteClient } from './invite-client.ts';
export { InviteServer } from './invite-server.ts';
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

export interface SipStats {
  /** Client and server transactions that are kept at this moment. */
  readonly transactions: number;
  readonly clientTransactions: number;
  readonly serverTransactions: number;
  readonly dialogs: number;
  /** TCP connections. */
  readonly connections: number;
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
  #closing: Promise<void> | undefined;

  constructor(options: SipEndpointOptions) {
    this.#core = new SipCore(options, options.network ?? createNodeNetwork(), (message, flow) =>
      this.#received(message, flow),
    );
    this.#backlog = new InviteBacklog(options.clock, (invite) => {
      if (!this.#core.guard(() => this.onInvite(invite))) invite.reject(500);
    });
    this.#maxPending = options.maxPendingInvites ?? defaultPendingInvites;
  }

  /** Opens all listeners or none. Rejects with TandemError ERR_PORT_IN_USE or ERR_LISTEN {transport, host, port}. */
  open(): Promise<void> {
    return this.#core.transport.open();
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

  get stats(): SipStats {
    const { transactions, transport, dialogs, timers, counters } = this.#core;
    return {
      transactions: transactions.clients + transactions.servers,
      clientTransactions: transactions.clients,
      serverTransactions: transactions.servers,
      dialogs: dialogs.size,
      connections: transport.connections,
      timers: timers.size,
      counters: { ...counters },
    };
  }

  /** Sends at once. @throws TandemError ERR_CLOSED, ERR_HEADER, ERR_HEADER_INJECTION */
  invite(options: InviteOptions): InviteClient {
    this.#assertOpen();
    return new InviteClient(this.#core, options);
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
    const { transport, through, credentials, contactUser, contactParams, responseTimeout } = options;
    const withContact = contactUser !== undefined && request.headers.contact === undefined;
    const outgoing = new OutgoingRequest(
      this.#core,
      request,
      { nextHop, transport, through, credentials, contactUser, contactParams, withContact, responseTimeout },
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
    core.timers.clear();
  }

  #assertOpen(): void {
    if (this.#closing) throw new TandemError('ERR_CLOSED', 'the SIP endpoint is closed: open a new one');
  }

  #received(message: SipMessage, flow: PeerFlow): void {
    if (this.#closing) return;
    const core = this.#core;
    core.observe('in', message, flow);
    if (message.kind === 'response') {
      if (!core.transactions.receiveResponse(message)) core.counters.strayResponses++;
      return;
    }
    const known = core.transactions.match(message);
    if (known) core.guard(() => known.receive(message));
    else if (message.method === 'ACK') this.#ack(message);
    else core.guard(() => this.#serve(message, flow));
  }

  /** ACK of a 2xx: a transaction of its own that has no answer (RFC 3261 §13.2.2.4). */
  #ack(ack: SipRequest): void {
    const dialog = this.#dialogOf(ack);
    if (dialog) this.#core.guard(() => dialog.receiveAck(ack));
    else this.#core.counters.strayAcks++;
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
      this.#options(request, transaction);
    } else if (inDialog || request.method === 'BYE') {
      const dialog = this.#dialogOf(request);
      if (!dialog) this.#answer(request, transaction, 481);
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
      this.#answer(request, transaction, 503, { headers: [['Retry-After', '5']] });
    } else {
      this.#backlog.add(new InviteServer(core, transaction, request));
    }
  }

  /** RFC 3261 §9.2 */
  #cancel(cancel: SipRequest, transaction: ServerTransaction): void {
    const invite = this.#core.transactions.matchCancelled(cancel);
    if (!invite) {
      this.#answer(cancel, transaction, 481);
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
