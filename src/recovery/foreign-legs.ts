/** Both sides of a call that another server set up, from what it wrote into the database. */
import type { StoredDialog, StoredEnd } from '../registry/stored-dialog.ts';
import type { CallData, LegBirth } from '../session/call-data.ts';
import { ForeignSession } from '../session/foreign-session.ts';
import type { SessionContext } from '../session/session-context.ts';
import type { Dialog, DialogSnapshot } from '../sip/dialog.ts';
import type { FlowName } from '../sip/transport/flow.ts';
import { isTransportName } from '../sip/transport/kinds.ts';
import { parseUri } from '../sip/uri.ts';

/**
 * Joins a session for each side to `data`. When one side hangs up, so does the other.
 * @returns false when there is no way to them from here, or their dialogs are here already
 */
export function joinForeignLegs(context: SessionContext, stored: StoredDialog, data: CallData): boolean {
  const { caller, callee, requestUri } = stored;
  const dialogs: Dialog[] = [];
  for (const [peer, other, role] of [[caller, callee, 'uas'] as const, [callee, caller, 'uac'] as const]) {
    const dialog = context.endpoint.restore(dialogOf(stored.callId, peer, other, role));
    if (dialog) dialogs.push(dialog);
  }
  const [toCaller, toCallee] = dialogs;
  if (!toCaller || !toCallee) {
    for (const dialog of dialogs) dialog.discard();
    return false;
  }
  const uris = { fromUri: caller.uri, toUri: callee.uri, requestUri };
  const leg = (direction: LegBirth['direction'], dialog: Dialog): ForeignSession =>
    new ForeignSession(context, data, { direction, ...uris }, dialog);
  const [a, b] = [leg('inbound', toCaller), leg('outbound', toCallee)];
  void a.ended.then((cause) => b.terminate(cause));
  void b.ended.then((cause) => a.terminate(cause));
  return true;
}

/** The dialog that `peer` has with `other`, as it looks from the place of `other` (RFC 3261 §12.2.1.1). */
function dialogOf(callId: string, peer: StoredEnd, other: StoredEnd, role: 'uac' | 'uas'): DialogSnapshot {
  return {
    ...{ version: 1, role, state: 'confirmed', callId, localTag: other.tag, remoteTag: peer.tag },
    local: `<${other.uri}>`,
    remote: `<${peer.uri}>`,
    remoteTarget: peer.contact || peer.uri,
    routeSet: peer.routeSet,
    localSeq: other.cseq,
    // What it said to the server before is nothing to us.
    remoteSeq: peer.cseq || undefined,
    contact: [`<${other.contact || other.uri}>`],
    byFlow: false,
    allowed: [],
    flow: wayTo(peer.socket || other.socket, peer.contact || peer.uri),
    ...{ credentials: undefined, answer: undefined, accepted: undefined, ack: undefined },
  };
}

/**
 * The way to a peer, as far as it is known without its connection: requests go where its Contact says.
 * @param socket ours: `udp:192.0.2.1:5060` @param contact of the peer, of which only the family of the address counts
 */
export function wayTo(socket: string, contact: string): FlowName {
  const [, name = 'udp', host = '', port = '5060'] = /^(\w+):\[?(.*?)\]?:(\d+)$/.exec(socket) ?? [];
  const parsed = parseUri(contact);
  const at = parsed.ok ? parsed.value.host : '';
  return {
    transport: isTransportName(name) ? name : 'udp',
    address: at.includes(':') ? at.replace(/[[\]]/g, '') : '127.0.0.1',
    port: 5060,
    listener: { host, port: Number(port) },
  };
}
