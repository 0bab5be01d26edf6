/**
 * INVITEs that an earlier process left without a final response. Their calls are lost; both ends are told so, by the
 * transactions that they know. What was said last may not have been written: a peer that has its 2xx, or gave it, is
 * told by BYE.
 */
import { cancelOf } from './cancel.ts';
import { printMessage } from './codec.ts';
import type { SipCore } from './core.ts';
import { Dialog } from './dialog.ts';
import { contactOf, recordedRoute } from './dialog-data.ts';
import { type DialogSnapshot, readRequest } from './dialog-snapshot.ts';
import { type SipRequest, type SipResponse, tagOf } from './message.ts';
import { unheard } from './outgoing.ts';
import { createResponse, tagged } from './response.ts';
import type { ClientTransaction, ClientUser } from './transaction/client.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { QueuedTimer, TimerOwner } from './transaction/timer-queue.ts';
import type { FlowName, PeerFlow } from './transport/flow.ts';
import { uasDialog } from './uas-dialog.ts';
import { isSips, uriUser } from './uri.ts';

export interface UnfinishedInvite {
  /** As it was received or sent. */
  readonly request: Uint8Array;
  readonly flow: FlowName;
  /** Of ours, in what was said before. */
  readonly localTag: string;
  /** Of an INVITE of ours: its early dialogs. */
  readonly early?: readonly DialogSnapshot[];
}

/** A peer that says nothing for so many times T1 knows another end of the INVITE than we do. */
const patience = 2;

/** An INVITE of a peer gets its final response: 503, until the ACK. @returns whether there is a way to the peer */
export function refuseUnfinished(core: SipCore, { request: bytes, flow: name, localTag }: UnfinishedInvite): boolean {
  const request = readRequest(bytes);
  const flow = core.transport.flowAgain(name);
  if (!request || !flow?.open || core.transactions.match(request)) return false;
  new Refusal(core, request, core.transactions.serve(request, flow), localTag).send();
  return true;
}

class Refusal implements TimerOwner<'patience'> {
  readonly #core: SipCore;
  readonly #request: SipRequest;
  readonly #transaction: ServerTransaction;
  readonly #localTag: string;
  #patience: QueuedTimer | undefined;

  constructor(core: SipCore, request: SipRequest, transaction: ServerTransaction, localTag: string) {
    this.#core = core;
    this.#request = request;
    this.#transaction = transaction;
    this.#localTag = localTag;
  }

  send(): void {
    const transaction = this.#transaction;
    transaction.tag = this.#localTag;
    transaction.user = { onSettled: () => this.#core.timers.cancel(this.#patience) };
    const response = createResponse(this.#request, 503, this.#localTag, { headers: [['Retry-After', '1']] });
    this.#core.introduce(response);
    this.#patience = this.#core.timers.set(this, 'patience', patience * this.#core.settings.t1);
    transaction.respond(response);
  }

  /** No ACK: it may be up for the caller. */
  onTimer(): void {
    const { flow } = this.#transaction;
    const contact = this.#core.contact(flow, uriUser(this.#request.uri), isSips(this.#request.uri));
    void new Dialog(this.#core, uasDialog(this.#request, this.#localTag, contact), flow).bye();
  }
}

/**
 * An INVITE of ours is taken back. It is sent once more, under its branch: to the peer that is a copy, which gets its
 * last response again and may be cancelled then (RFC 3261 §9.1); a 2xx gets its ACK and a BYE.
 * @returns whether there is a way to the peer
 */
export function cancelUnfinished(core: SipCore, { request: bytes, flow: name, early = [] }: UnfinishedInvite): boolean {
  const request = readRequest(bytes);
  const flow = core.transport.flowAgain(name);
  if (!request || !flow?.open) return false;
  new Withdrawal(core, request, flow, early).send(bytes);
  return true;
}

class Withdrawal implements ClientUser, TimerOwner<'patience'> {
  readonly #core: SipCore;
  readonly #request: SipRequest;
  readonly #flow: PeerFlow;
  readonly #early: readonly DialogSnapshot[];
  #transaction: ClientTransaction | undefined;
  #patience: QueuedTimer | undefined;
  #cancelled = false;

  constructor(core: SipCore, request: SipRequest, flow: PeerFlow, early: readonly DialogSnapshot[]) {
    this.#core = core;
    this.#request = request;
    this.#flow = flow;
    this.#early = early;
  }

  send(bytes: Uint8Array): void {
    const { settings, timers, transactions } = this.#core;
    this.#patience = timers.set(this, 'patience', patience * settings.t1);
    this.#transaction = transactions.request(this.#request, bytes, this.#flow, this);
  }

  onResponse(response: SipResponse): void {
    this.#core.timers.cancel(this.#patience);
    if (response.status >= 200 && response.status < 300) endAccepted(this.#core, this.#request, response, this.#flow);
    if (response.status >= 200 || this.#cancelled) return;
    this.#cancelled = true;
    const cancel = cancelOf(this.#request, this.#core.options.userAgent);
    this.#core.transactions.request(cancel, printMessage(cancel), this.#flow, unheard);
    this.#transaction?.cancelled();
  }

  /** Copies of an INVITE that was accepted and acknowledged are not answered (RFC 6026 §7.1). */
  onTimer(): void {
    for (const dialog of this.#early) void Dialog.restore(this.#core, dialog)?.bye();
  }

  onTimeout(): void {}

  onTransportError(): void {
    this.#core.timers.cancel(this.#patience);
  }

  onExpire(): void {}

  onTerminated(): void {}
}

function endAccepted(core: SipCore, invite: SipRequest, response: SipResponse, flow: PeerFlow): void {
  const { from, to, callId, cseq, contact } = invite.headers;
  const remoteTag = tagOf(response.headers.to);
  const dialog = new Dialog(
    core,
    {
      role: 'uac',
      callId,
      localTag: tagOf(from) ?? '',
      remoteTag,
      local: tagged(from, undefined),
      remote: tagged(to, undefined),
      remoteTarget: contactOf(response.headers) ?? invite.uri,
      routeSet: recordedRoute(response.headers).reverse(),
      localSeq: cseq.seq,
      remoteSeq: undefined,
      byFlow: false,
      contact: Array.isArray(contact) ? contact : core.contact(flow, undefined, isSips(invite.uri)),
    },
    flow,
  );
  dialog.accepted(invite, response, flow);
  dialog.ack();
  void dialog.bye();
}
