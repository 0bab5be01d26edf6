/**
 * What both sides of a dialog know of it (RFC 3261 §12): names, numbers and the way to the peer. Requests in the
 * dialog are made from it.
 */
import { type NameAddr, noBody, type SipHeaders, type SipRequest } from './message.ts';
import type { BodyOptions } from './options.ts';
import { addContent, tagged } from './response.ts';
import { applyRoute, withoutHeaders } from './route.ts';

export type DialogState = 'early' | 'confirmed' | 'terminated';

export interface DialogInit {
  readonly role: 'uac' | 'uas';
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string | undefined;
  readonly local: NameAddr;
  readonly remote: NameAddr;
  readonly remoteTarget: string;
  readonly routeSet: readonly string[];
  readonly localSeq: number;
  readonly remoteSeq: number | undefined;
  /** What reaches us. */
  readonly contact: NameAddr[];
  /** Without a route set the peer is reached where its messages come from, not where its Contact says. */
  readonly byFlow: boolean;
}

/** Requests of ours that carry a Contact. */
const withContact: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'REFER', 'SUBSCRIBE', 'NOTIFY']);

export class DialogData {
  readonly init: DialogInit;
  localSeq: number;
  remoteSeq: number | undefined;
  routeSet: readonly string[];
  #remoteTarget: string;
  #allowed: ReadonlySet<string> = new Set();

  constructor(init: DialogInit) {
    this.init = init;
    this.localSeq = init.localSeq;
    this.remoteSeq = init.remoteSeq;
    this.routeSet = init.routeSet;
    this.#remoteTarget = withoutHeaders(init.remoteTarget);
  }

  get remoteTarget(): string {
    return this.#remoteTarget;
  }

  /** Methods of ours that the peer takes, as far as it said. */
  get allowed(): ReadonlySet<string> {
    return this.#allowed;
  }

  set allowed(methods: Iterable<string>) {
    this.#allowed = new Set(methods);
  }

  /**
   * What a message of the peer changes that makes or refreshes the dialog: from now on requests go to its Contact,
   * and the methods of its Allow may be used.
   */
  refresh(headers: SipHeaders): void {
    const contact = contactOf(headers);
    if (contact !== undefined) this.#remoteTarget = withoutHeaders(contact);
    const allow = headers.other.get('allow');
    if (allow) this.#allowed = methodsIn(allow);
  }

  /** Method, CSeq number and options → the request and where it goes first. */
  compose(method: string, seq: number, options: BodyOptions): { request: SipRequest; nextHop: string } {
    const { uri, route, nextHop } = applyRoute(this.#remoteTarget, this.routeSet);
    const { local, localTag, remote, remoteTag, callId, contact } = this.init;
    const headers: SipHeaders = {
      via: [],
      from: tagged(local, localTag),
      to: tagged(remote, remoteTag),
      callId,
      cseq: { seq, method },
      maxForwards: 70,
      ...(route ? { route } : undefined),
      ...(withContact.has(method) ? { contact } : undefined),
      other: new Map(),
    };
    const request: SipRequest = { kind: 'request', method, uri, headers, body: noBody };
    addContent(request, options);
    return { request, nextHop };
  }
}

/** Those that somebody may ask for: text of a message that was kept would keep all of it in memory. */
const optional: readonly string[] = ['INFO', 'MESSAGE', 'NOTIFY', 'REFER', 'SUBSCRIBE', 'UPDATE'];

function methodsIn(allow: readonly string[]): ReadonlySet<string> {
  const named = new Set(allow.flatMap((value) => value.split(',')).map((method) => method.trim()));
  return new Set(optional.filter((method) => named.has(method)));
}

/** Record-Route as URIs, in the order of the message. */
export function recordedRoute({ recordRoute }: SipHeaders): string[] {
  return (recordRoute ?? []).map(({ uri }) => uri);
}

/** URI of the first Contact. */
export function contactOf({ contact }: SipHeaders): string | undefined {
  return contact === undefined || contact === '*' ? undefined : contact[0]?.uri;
}
