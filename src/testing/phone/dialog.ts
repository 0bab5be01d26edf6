/** What a lab phone knows of a dialog (RFC 3261 §12): who, where to, by which way, and the numbers of the requests. */
import { token } from '../../base/random.ts';
import type { Line } from './line.ts';
import { compose, type HeaderLine, overruled, SipText, uriIn } from './sip-text.ts';
import type { Destination } from './wire.ts';

export interface RequestContent {
  /** More of them; one that the phone would write itself is replaced. */
  readonly headers?: readonly HeaderLine[];
  /** Content-Type. */
  readonly type?: string;
  readonly body?: string;
}

interface DialogIds {
  readonly callId: string;
  /** From and To as we write them, without tags. */
  readonly local: string;
  readonly remote: string;
  /** Request-URI of our requests. */
  readonly target: string;
  readonly to: Destination;
}

/** What our phones do (RFC 3261 §20.5). */
export const allow = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY';

export class PhoneDialog {
  readonly callId: string;
  readonly localTag: string;
  readonly #line: Line;
  readonly #local: string;
  readonly #remote: string;
  #remoteTag = '';
  #target: string;
  #to: Destination;
  #routes: readonly string[] = [];
  #localSeq = 0;
  #remoteSeq = 0;

  constructor(line: Line, { callId, local, remote, target, to }: DialogIds) {
    this.#line = line;
    this.callId = callId;
    this.localTag = token(line.random, 4);
    this.#local = local;
    this.#remote = remote;
    this.#target = target;
    this.#to = to;
  }

  /** Of a call that we make. */
  static calling(line: Line, uri: string, to: Destination, from = line.uri): PhoneDialog {
    const callId = `${token(line.random, 8)}@${line.host.address}`;
    return new PhoneDialog(line, { callId, local: `<${from}>`, remote: `<${uri}>`, target: uri, to });
  }

  /** Of a call that comes in. */
  static called(line: Line, invite: SipText, from: Destination): PhoneDialog {
    const dialog = new PhoneDialog(line, {
      callId: invite.callId,
      local: `<${invite.uriOf('to')}>`,
      remote: `<${invite.uriOf('from')}>`,
      target: invite.uriOf('contact'),
      to: from,
    });
    dialog.#remoteTag = invite.fromTag;
    dialog.#remoteSeq = invite.cseq.seq;
    dialog.#routes = invite.all('record-route');
    return dialog;
  }

  /** Empty until the peer said something. */
  get remoteTag(): string {
    return this.#remoteTag;
  }

  get remoteUri(): string {
    return uriIn(this.#remote);
  }

  /** The peer's Contact: whom to call for this very peer. */
  get target(): string {
    return this.#target;
  }

  /** Where our requests go. */
  get to(): Destination {
    return this.#to;
  }

  /** Whether a message is one of this dialog. @param fromPeer it is a request */
  owns(message: SipText, fromPeer = true): boolean {
    if (message.callId !== this.callId) return false;
    const [ours, theirs] = fromPeer ? [message.toTag, message.fromTag] : [message.fromTag, message.toTag];
    return ours === this.localTag && (this.#remoteTag === '' || theirs === this.#remoteTag);
  }

  /** Whether a request comes in order (§12.2.2). */
  admits(request: SipText): boolean {
    const { seq } = request.cseq;
    if (seq <= this.#remoteSeq) return false;
    this.#remoteSeq = seq;
    return true;
  }

  /** A provisional response may change whom we talk with; an answer settles it, and the way to it (§13.2.2.4). */
  learn(response: SipText): void {
    if (response.toTag !== '') this.#remoteTag = response.toTag;
    if (response.status < 200) return;
    this.#routes = response.all('record-route').reverse();
    this.refresh(response);
  }

  /** The peer said where it is from now on: by INVITE, UPDATE and their 2xx. */
  refresh(message: SipText): void {
    this.#target = message.uriOf('contact') || this.#target;
    const hop = this.#routes[0] === undefined ? this.#target : uriIn(this.#routes[0]);
    this.#to = this.#line.resolve(hop) ?? this.#to;
  }

  /** A request of ours. @param seq default: the next number */
  compose(method: string, content: RequestContent = {}, seq = ++this.#localSeq): SipText {
    const { headers = [], type, body = '' } = content;
    const offers = method === 'INVITE' || method === 'UPDATE';
    const own: HeaderLine[] = [
      ['Via', this.#line.via(this.#to.transport)],
      ['Max-Forwards', '70'],
      ...this.#routes.map((route): HeaderLine => ['Route', route]),
      ['From', `${this.#local};tag=${this.localTag}`],
      ['To', this.#remoteTag === '' ? this.#remote : `${this.#remote};tag=${this.#remoteTag}`],
      ['Call-ID', this.callId],
      ['CSeq', `${seq} ${method}`],
      ...(method === 'ACK' || method === 'BYE' ? [] : [['Contact', `<${this.#line.contact}>`] as const]),
      ...(offers
        ? ([
            ['Allow', allow],
            ['Supported', 'replaces'],
          ] as const)
        : []),
      ...(type === undefined ? [] : [['Content-Type', type] as const]),
    ];
    const text = compose(`${method} ${this.#target} SIP/2.0`, overruled(own, headers), body);
    return new SipText(text, this.#line.clock.now());
  }
}

/** The ACKs of 2xx that we have sent: again for every copy of the 2xx (§13.2.2.4), or wrong on purpose. */
export class SentAcks {
  readonly #line: Line;
  readonly #dialog: PhoneDialog;
  readonly #later: (ms: number, act: () => void) => void;
  /** By the CSeq of the INVITE; undefined: it gets none, or not yet. */
  readonly #acks = new Map<number, string | undefined>();

  constructor(line: Line, dialog: PhoneDialog, later: (ms: number, act: () => void) => void) {
    this.#line = line;
    this.#dialog = dialog;
    this.#later = later;
  }

  /** @param sdp our answer, if the 2xx had the offer */
  send(seq: number, sdp: string): void {
    const { text } = this.#dialog.compose('ACK', sdp === '' ? {} : { type: 'application/sdp', body: sdp }, seq);
    const { ack: how } = this.#line.misbehaviour;
    this.#acks.set(seq, undefined);
    const send = (): void => {
      this.#acks.set(seq, text);
      this.again(seq);
    };
    if (how === undefined) send();
    else if (how !== 'never') this.#later(how.afterMs, send);
  }

  /** A 2xx came. @returns false when it is no copy of one that was acknowledged */
  again(seq: number): boolean {
    const text = this.#acks.get(seq);
    if (text !== undefined) this.#line.transmit(text, this.#dialog.to);
    return this.#acks.has(seq);
  }
}
