/** A leg as its signalling shows it: who it is between, and by which way. */
import type { Dialog } from '../sip/dialog.ts';
import { contactOf } from '../sip/dialog-data.ts';
import { type SipRequest, tagOf } from '../sip/message.ts';

export interface LegEnd {
  readonly tag: string | undefined;
  readonly uri: string;
  /** Where requests to it go. */
  readonly contact: string;
  /** CSeq of its last request in the dialog; 0 before the first. */
  readonly cseq: number;
}

export interface LegSignalling {
  /** Of the dialog; after a transfer it is not that of the session. */
  readonly callId: string;
  readonly local: LegEnd;
  readonly remote: LegEnd;
  /** URIs. */
  readonly routeSet: readonly string[];
  /** Our end: `udp:192.0.2.1:5060`; empty while nobody answered. */
  readonly socket: string;
}

export function signallingIn(dialog: Dialog): LegSignalling {
  const {
    callId,
    localTag,
    localUri,
    localContact,
    localSeq,
    remoteTag,
    remoteUri,
    remoteTarget,
    remoteSeq = 0,
  } = dialog;
  return {
    callId,
    local: { tag: localTag, uri: localUri, contact: localContact, cseq: localSeq },
    remote: { tag: remoteTag, uri: remoteUri, contact: remoteTarget, cseq: remoteSeq },
    routeSet: dialog.routeSet,
    socket: dialog.socket,
  };
}

/** Of an INVITE of ours that nobody answered yet. */
export function signallingOf({ uri, headers }: SipRequest): LegSignalling {
  const { callId, from, to, cseq } = headers;
  return {
    callId,
    local: { tag: tagOf(from), uri: from.uri, contact: contactOf(headers) ?? '', cseq: cseq.seq },
    remote: { tag: undefined, uri: to.uri, contact: uri, cseq: 0 },
    routeSet: [],
    socket: '',
  };
}
