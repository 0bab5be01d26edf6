/** Finds the transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3) and makes new ones. */

import { Shares, sourceOf } from '../defence/sources.ts';
import { type SipRequest, type SipResponse, tagOf, type Via } from '../message.ts';
import { ownText } from '../own-text.ts';
import type { PeerFlow } from '../transport/flow.ts';
import { replyPort } from '../transport/flow.ts';
import { ClientTransaction, type ClientUser } from './client.ts';
import { ServerTransaction } from './server.ts';
import type { TransactionContext } from './transaction.ts';

const magicCookie = 'z9hG4bK';
const defaultPort = 5060;

export class TransactionLayer {
  /** Server transactions. */
  readonly shares = new Shares();
  readonly #context: TransactionContext;
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  /** Requests outside a dialog by origin: another one of the same origin has come by another way. */
  readonly #origins = new Map<string, ServerTransaction>();

  constructor(context: TransactionContext) {
    this.#context = context;
  }

  get clients(): number {
    return this.#clients.size;
  }

  get servers(): number {
    return this.#servers.size;
  }

  /**
   * Sends a request whose top Via is ours. Answers come to `user`, never from within this call.
   * @param bytes the request as it is sent.
   */
  request(request: SipRequest, bytes: Uint8Array, flow: PeerFlow, user: ClientUser): ClientTransaction {
    const key = clientKey(request.headers.via[0] as Via, request.method);
    const transaction = new ClientTransaction(this.#context, request, bytes, flow, user, () =>
      this.#clients.delete(key),
    );
    this.#clients.set(key, transaction);
    transaction.start();
    return transaction;
  }

  /** @returns false for a response to nothing of ours. */
  receiveResponse(response: SipResponse): boolean {
    const { via, cseq } = response.headers;
    const top = via[0] as Via;
    // A second Via says that the response was meant for somebody behind us (RFC 3261 §8.1.3.3).
    if (via.length > 1) return false;
    const transaction = this.#clients.get(clientKey(top, cseq.method));
    if (!transaction) return false;
    const ours = transaction.request.headers;
    // RFC 3261 §18.1.2: the sent-by must be the one we wrote. The tags and the number cannot differ either.
    if (!sameSentBy(top, ours.via[0] as Via) || cseq.seq !== ours.cseq.seq) return false;
    transaction.receive(response);
    return true;
  }

  /** The transaction of a copy of a request, or of an ACK to a final response. */
  match(request: SipRequest): ServerTransaction | undefined {
    return this.#servers.get(serverKey(request, request.method === 'ACK' ? 'INVITE' : request.method));
  }

  /** The INVITE that a CANCEL is for (RFC 3261 §9.2). */
  matchCancelled(cancel: SipRequest): ServerTransaction | undefined {
    return this.#servers.get(serverKey(cancel, 'INVITE'));
  }

  /** True when the same request has come before by another way (RFC 3261 §8.2.2.2). */
  isMerged(request: SipRequest): boolean {
    const key = mergeKey(request);
    return key !== undefined && this.#origins.has(key);
  }

  /** A server transaction for a request that `match` does not know. */
  serve(request: SipRequest, flow: PeerFlow): ServerTransaction {
    const via = request.headers.via[0] as Via;
    const origin = mergeKey(request);
    const transaction = new ServerTransaction(
      this.#context,
      ownText(serverKey(request, request.method)),
      origin === undefined || this.#origins.has(origin) ? undefined : ownText(origin),
      request,
      flow,
      replyPort(flow, via),
      this.#forget,
    );
    this.#servers.set(transaction.key, transaction);
    this.shares.add(sourceOf(flow.address));
    if (transaction.mergeKey !== undefined) this.#origins.set(transaction.mergeKey, transaction);
    return transaction;
  }

  /** Ends everything; users of client transactions are told of a transport error. */
  close(error: Error): void {
    for (const transaction of [...this.#servers.values()]) transaction.close();
    for (const transaction of [...this.#clients.values()]) transaction.close(error);
  }

  readonly #forget = (transaction: ServerTransaction): void => {
    if (this.#servers.delete(transaction.key)) this.shares.remove(sourceOf(transaction.flow.address));
    if (transaction.mergeKey !== undefined) this.#origins.delete(transaction.mergeKey);
  };
}

function clientKey(via: Via, method: string): string {
  return `${via.params.branch ?? ''}|${method}`;
}

/**
 * Branch, sent-by and method; for clients of RFC 2543, whose branches mean nothing, and those that put nothing behind
 * the cookie (RFC 4475 §3.2.1), what identified a request then.
 */
function serverKey({ uri, headers }: SipRequest, method: string): string {
  const via = headers.via[0] as Via;
  const branch = via.params.branch ?? '';
  const sentBy = `${via.host}:${via.port ?? defaultPort}`;
  if (branch.length > magicCookie.length && branch.startsWith(magicCookie)) return `${branch}|${sentBy}|${method}`;
  return `${uri}|${headers.callId}|${headers.cseq.seq}|${tagOf(headers.from) ?? ''}|${branch}|${sentBy}|${method}`;
}

function mergeKey({ method, headers }: SipRequest): string | undefined {
  if (tagOf(headers.to) !== undefined || method === 'CANCEL') return undefined;
  return `${headers.callId}|${tagOf(headers.from) ?? ''}|${headers.cseq.seq}|${method}`;
}

function sameSentBy(a: Via, b: Via): boolean {
  return a.host === b.host && (a.port ?? defaultPort) === (b.port ?? defaultPort);
}
