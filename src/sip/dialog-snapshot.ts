/** A dialog as plain data: what another process makes it of again (RFC 3261 §12). */
import { parseMessage, printMessage } from './codec.ts';
import type { DialogInit, DialogState } from './dialog-data.ts';
import type { Credentials } from './digest-client.ts';
import type { NameAddr, SipRequest } from './message.ts';
import { noParams } from './message.ts';
import { parseNameAddr, printNameAddr } from './name-addr.ts';
import type { FlowName } from './transport/flow.ts';

/** Texts, so that it can be read by another version as well. */
export interface DialogSnapshot {
  readonly version: 1;
  readonly role: 'uac' | 'uas';
  readonly state: DialogState;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string | undefined;
  /** Addresses as From and To have them, without their tags. */
  readonly local: string;
  readonly remote: string;
  readonly remoteTarget: string;
  readonly routeSet: readonly string[];
  readonly localSeq: number;
  readonly remoteSeq: number | undefined;
  /** By which the peer reaches us. */
  readonly contact: readonly string[];
  readonly byFlow: boolean;
  /** Methods that the peer takes. */
  readonly allowed: readonly string[];
  readonly flow: FlowName;
  /** For servers that ask for a password within the call. */
  readonly credentials: readonly Credentials[] | undefined;
  /** Our 2xx that has no ACK yet, and the CSeq number of its INVITE. */
  readonly answer: { readonly seq: number; readonly bytes: Uint8Array } | undefined;
  /** Our INVITE whose 2xx is not acknowledged yet. */
  readonly accepted: Uint8Array | undefined;
  /** Our ACK, while copies of the 2xx may come. */
  readonly ack: { readonly seq: number; readonly bytes: Uint8Array } | undefined;
}

export function addressText(address: NameAddr): string {
  return printNameAddr(address);
}

/** The other way round. */
export function addressOf(text: string): NameAddr {
  const parsed = parseNameAddr(text);
  return parsed.ok ? parsed.value : { displayName: undefined, uri: text, params: noParams };
}

/** What a dialog begins with that goes on from this. */
export function initOf(snapshot: DialogSnapshot): DialogInit {
  const { role, callId, localTag, remoteTag, remoteTarget, routeSet, localSeq, remoteSeq, byFlow } = snapshot;
  return {
    ...{ role, callId, localTag, remoteTag, remoteTarget, routeSet, localSeq, remoteSeq, byFlow },
    local: addressOf(snapshot.local),
    remote: addressOf(snapshot.remote),
    contact: snapshot.contact.map(addressOf),
  };
}

/** A request as bytes that `readRequest` reads again. */
export function writeRequest(request: SipRequest): Uint8Array {
  return printMessage(request);
}

/** @returns undefined for what is not a request */
export function readRequest(bytes: Uint8Array): SipRequest | undefined {
  const parsed = parseMessage(bytes, 'datagram');
  return parsed.ok && parsed.message.kind === 'request' ? parsed.message : undefined;
}
