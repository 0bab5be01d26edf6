/** Calls that ran on this server when it ended, and of which nothing is left but their rows: both sides are told. */
import type { Dialog, DialogSnapshot } from '../sip/dialog.ts';
import type { HeaderField } from '../sip/message.ts';
import { parseUri } from '../sip/uri.ts';
import type { StoredLeg } from './dialog-rows.ts';

/** Of a `SipEndpoint`. */
export interface DialogRestorer {
  restore(snapshot: DialogSnapshot): Dialog | undefined;
}

const farewell: readonly HeaderField[] = [['Reason', 'SIP;cause=500;text="server restarted"']];
/** Requests of ours that no row knows of may have been sent: a BYE has to come behind them (RFC 3261 §12.2.1.1). */
const unseenRequests = 100;

/** Sends each leg a BYE. Answers are not waited for: who does not hear it finds out by himself. */
export function endOrphan(endpoint: DialogRestorer, legs: readonly StoredLeg[]): void {
  for (const leg of legs) void endpoint.restore(dialogOf(leg))?.bye(farewell);
}

function dialogOf({ callId, direction, local, remote, routeSet, socket }: StoredLeg): DialogSnapshot {
  const [, transport = 'udp', host = '', port = '5060'] = /^(\w+):\[?(.*?)\]?:(\d+)$/.exec(socket) ?? [];
  return {
    ...{ version: 1, role: direction === 'inbound' ? 'uas' : 'uac', state: 'confirmed', callId },
    localTag: local.tag ?? '',
    remoteTag: remote.tag ?? '',
    local: `<${local.uri}>`,
    remote: `<${remote.uri}>`,
    remoteTarget: remote.contact || remote.uri,
    routeSet,
    localSeq: local.cseq + unseenRequests,
    remoteSeq: remote.cseq || undefined,
    contact: [`<${local.contact || local.uri}>`],
    byFlow: false,
    allowed: [],
    flow: {
      transport: transport as DialogSnapshot['flow']['transport'],
      ...placeOf(remote.contact || remote.uri),
      listener: { host, port: Number(port) },
    },
    ...{ credentials: undefined, answer: undefined, accepted: undefined, ack: undefined },
  };
}

/** Only its family counts: requests go where the Contact says. */
function placeOf(uri: string): { readonly address: string; readonly port: number } {
  const parsed = parseUri(uri);
  const host = parsed.ok ? parsed.value.host : '';
  return { address: host.includes(':') ? host.replace(/[[\]]/g, '') : '127.0.0.1', port: 5060 };
}
