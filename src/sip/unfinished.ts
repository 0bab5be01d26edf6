/**
 * INVITEs that an earlier process left without a final response. Their calls are lost; both ends are told so, by the
 * transactions that they know.
 */
import { cancelOf } from './cancel.ts';
import { printMessage } from './codec.ts';
import type { SipCore } from './core.ts';
import { Dialog } from './dialog.ts';
import { contactOf, recordedRoute } from './dialog-data.ts';
import { readRequest } from './dialog-snapshot.ts';
import { type SipRequest, type SipResponse, tagOf } from './message.ts';
import { unheard } from './outgoing.ts';
import { createResponse, tagged } from './response.ts';
import type { ClientUser } from './transaction/client.ts';
import type { FlowName } from './transport/flow.ts';
import { isSips } from './uri.ts';

export interface UnfinishedInvite {
  /** As it was received or sent. */
  readonly request: Uint8Array;
  readonly flow: FlowName;
  /** Of ours, in what was said before. */
  readonly localTag: string;
}

/** An INVITE of a peer gets its final response: 503, until the ACK. @returns whether there is a way to the peer */
export function refuseUnfinished(core: SipCore, { request: bytes, flow: name, localTag }: UnfinishedInvite): boolean {
  const request = readRequest(bytes);
  const flow = core.transport.flowAgain(name);
  if (!request || !flow?.open || core.transactions.match(request)) return false;
  const transaction = core.transactions.serve(request, flow);
  transaction.tag = localTag;
  const response = createResponse(request, 503, localTag, { headers: [['Retry-After', '1']] });
  core.introduce(response);
  transaction.respond(response);
  return true;
}

/**
 * An INVITE of ours is taken back. It is sent once more, under its branch: to the peer that is a copy, which gets its
 * last response again and may be cancelled then (RFC 3261 §9.1); a 2xx gets its ACK and a BYE.
 * @returns whether there is a way to the peer
 */
export function cancelUnfinished(core: SipCore, { request: bytes, flow: name }: UnfinishedInvite): boolean {
  const request = readRequest(bytes);
  const flow = core.transport.flowAgain(name);
  if (!request || !flow?.open) return false;
  let cancelled = false;
  const user: ClientUser = {
    ...unheard,
    onResponse: (response) => {
      if (response.status >= 200 && response.status < 300) endAccepted(core, request, response, name);
      if (response.status >= 200 || cancelled) return;
      cancelled = true;
      const cancel = cancelOf(request, core.options.userAgent);
      core.transactions.request(cancel, printMessage(cancel), flow, unheard);
      transaction.cancelled();
    },
  };
  const transaction = core.transactions.request(request, bytes, flow, user);
  return true;
}

function endAccepted(core: SipCore, invite: SipRequest, response: SipResponse, name: FlowName): void {
  const { from, to, callId, cseq, contact } = invite.headers;
  const remoteTag = tagOf(response.headers.to);
  const flow = core.transport.flowAgain(name);
  if (!flow) return;
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
