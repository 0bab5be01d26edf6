/** One call of a lab phone: an INVITE, the dialog it makes, and its audio. */
import { token } from '../../base/random.ts';
import { CallMedia } from './call-media.ts';
import type { IncomingExchange, OutgoingExchange } from './exchanges.ts';
import type { Line } from './line.ts';
import type { PhoneDirection, PhonePayload } from './sdp.ts';
import { compose, type HeaderLine, SipText, uriIn } from './sip-text.ts';
import type { Destination } from './wire.ts';

/** `calling`: we wait for an answer; `ringing`: the peer waits for ours. */
export type PhoneCallState = 'calling' | 'ringing' | 'up' | 'over';

export interface RequestContent {
  readonly headers?: readonly HeaderLine[];
  readonly type?: string;
  readonly body?: string;
}

export interface InviteContent extends RequestContent {
  /** Instead of an offer of its own; null: none, the callee is to make one. */
  readonly sdp?: string | null;
  /** Not the phone's own URI. */
  readonly from?: string;
}

export interface AnswerContent {
  readonly headers?: readonly HeaderLine[];
  /** Instead of its own SDP; null: none. */
  readonly sdp?: string | null;
}

const sdpType = 'application/sdp';

export class PhoneCall {
  readonly role: 'caller' | 'callee';
  readonly callId: string;
  readonly localTag: string;
  readonly media: CallMedia;
  readonly #line: Line;
  #state: PhoneCallState;
  #remoteTag = '';
  /** From and To as we write them, without tags. */
  #local: string;
  #remote: string;
  #target: string;
  #routes: readonly string[] = [];
  #to: Destination;
  #localSeq = 1;
  #remoteSeq = 0;
  #invite: OutgoingExchange | undefined;
  /** INVITE of the peer that waits for our answer. */
  #invited: IncomingExchange | undefined;
  /** Our 2xx waits for its ACK. */
  #unacked: IncomingExchange | undefined;
  /** What we offered in a 2xx, to be answered by the ACK. */
  #lateOffer = false;
  #reinviting = false;
  #cancelled: boolean | 'soon' = false;
  readonly #acks = new Map<number, string>();
  #early = false;
  #saidBye = false;
  readonly #settled = Promise.withResolvers<void>();
  /** Final status of the INVITE. */
  status = 0;
  /** Who ended it. */
  endedBy: 'local' | 'remote' | 'nobody' | undefined;
  /** The request or response that ended it. */
  lastWord: SipText | undefined;

  private constructor(
    line: Line,
    role: 'caller' | 'callee',
    ids: { readonly callId: string; readonly local: string; readonly remote: string; readonly target: string },
    to: Destination,
  ) {
    this.#line = line;
    this.role = role;
    this.callId = ids.callId;
    this.#local = ids.local;
    this.#remote = ids.remote;
    this.#target = ids.target;
    this.#to = to;
    this.localTag = token(line.random, 4);
    this.#state = role === 'caller' ? 'calling' : 'ringing';
    this.media = new CallMedia({
      clock: line.clock,
      random: line.random,
      host: line.host,
      payloads: line.payloads,
      talks: line.talks,
      onDigit: (digit) => line.heardDigit(digit),
    });
  }

  get state(): PhoneCallState {
    return this.#state;
  }

  /** The far end has sent a provisional response. */
  get isEarly(): boolean {
    return this.#early;
  }

  /** Resolves when the call is up, or over before that. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  get remoteTag(): string {
    return this.#remoteTag;
  }

  /** For Refer-To and Replaces: whom this call is with. */
  get remoteUri(): string {
    return uriIn(this.#remote);
  }

  // ---- the call comes about: we call

  static call(line: Line, uri: string, to: Destination, content: InviteContent): PhoneCall {
    const from = content.from ?? line.uri;
    const ids = { callId: token(line.random, 8), local: `<${from}>`, remote: `<${uri}>`, target: uri };
    const call = new PhoneCall(line, 'caller', ids, to);
    call.#sendInvite(content);
    return call;
  }

  #sendInvite(content: InviteContent): void {
    const body = content.sdp === undefined ? this.#line.spoil(this.media.offer()) : (content.sdp ?? '');
    const request = this.#compose('INVITE', this.#localSeq, {
      ...content,
      body,
      ...(body === '' ? {} : { type: sdpType }),
    });
    this.#invite = this.#line.exchange(request, this.#to, (response) => this.#response(response));
  }

  #response(response: SipText | undefined): void {
    if (response === undefined) {
      this.#over('nobody', undefined, 408);
    } else if (response.status < 200) {
      this.#early = true;
      this.#learn(response);
      if (response.body !== '') this.media.answered(response.body);
      if (this.#cancelled === 'soon') this.#sendCancel();
    } else if (response.status < 300) this.#answered(response);
    else {
      this.#acknowledgeFailure(response);
      this.#over('remote', response, response.status);
    }
  }

  #answered(response: SipText): void {
    const { seq } = response.cseq;
    if (this.#remoteTag !== '' && this.#acks.has(seq) && response.toTag === this.#remoteTag) {
      this.#line.send(this.#acks.get(seq) as string, this.#to);
      return;
    }
    if (this.#acks.has(seq)) return; // another fork: nobody wants it here
    this.#learn(response);
    this.#routes = response.all('record-route').reverse();
    this.#target = response.uriOf('contact') || this.#target;
    this.#readdress();
    let body = '';
    if (response.body !== '') {
      if (this.#invite?.request.body === '') body = this.media.answer(response.body) ?? '';
      else this.media.answered(response.body);
    }
    this.status = response.status;
    this.#ack(seq, body);
    if (this.#state === 'over') return;
    this.#up();
    if (this.#cancelled) void this.bye();
  }

  #ack(seq: number, body: string): void {
    const content = body === '' ? {} : { type: sdpType, body };
    const ack = this.#compose('ACK', seq, content).text;
    const { ack: how } = this.#line.misbehaviour;
    if (how === 'never') return;
    this.#acks.set(seq, ack);
    if (how === undefined) this.#line.send(ack, this.#to);
    else this.#line.clock.setTimer(how.afterMs, () => this.#line.send(ack, this.#to), 'phone');
  }

  #acknowledgeFailure(response: SipText): void {
    const invite = this.#invite as OutgoingExchange;
    const { request } = invite;
    const ack = compose(`ACK ${request.uri} SIP/2.0`, [
      ['Via', request.header('via')],
      ['Max-Forwards', '70'],
      ['From', request.header('from')],
      ['To', response.header('to')],
      ['Call-ID', this.callId],
      ['CSeq', `${request.cseq.seq} ACK`],
    ]);
    invite.ack = ack;
    this.#line.send(ack, invite.to);
  }

  /** CANCEL, as soon as a provisional response allows it (RFC 3261 §9.1). */
  cancel(): void {
    if (this.#state !== 'calling' || this.#cancelled) return;
    this.#cancelled = 'soon';
    if (this.#early) this.#sendCancel();
  }

  #sendCancel(): void {
    this.#cancelled = true;
    const { request, to } = this.#invite as OutgoingExchange;
    const text = compose(`CANCEL ${request.uri} SIP/2.0`, [
      ['Via', request.header('via')],
      ['Max-Forwards', '70'],
      ['From', request.header('from')],
      ['To', request.header('to')],
      ['Call-ID', this.callId],
      ['CSeq', `${request.cseq.seq} CANCEL`],
    ]);
    this.#line.exchange(new SipText(text, this.#line.clock.now()), to, () => {});
  }

  // ---- the call comes about: we are called

  static called(line: Line, exchange: IncomingExchange): PhoneCall {
    const { request, from } = exchange;
    const ids = {
      callId: request.callId,
      local: withoutTag(request.header('to')),
      remote: withoutTag(request.header('from')),
      target: request.uriOf('contact'),
    };
    const call = new PhoneCall(line, 'callee', ids, from);
    call.#remoteTag = request.fromTag;
    call.#remoteSeq = request.cseq.seq;
    call.#routes = request.all('record-route');
    call.#invited = exchange;
    return call;
  }

  get invite(): SipText {
    return (this.#invite?.request ?? this.#invited?.request ?? this.#unacked?.request) as SipText;
  }

  /** 180, or another provisional response. */
  provisional(status: number, content: AnswerContent = {}): void {
    if (!this.#invited) return;
    const body = content.sdp ?? '';
    this.#respond(this.#invited, status, content.headers ?? [], body);
  }

  /** 200; `state` is `up` when its ACK is in. */
  accept(content: AnswerContent = {}): void {
    const exchange = this.#invited;
    if (!exchange) return;
    this.#invited = undefined;
    this.#unacked = exchange;
    let body = content.sdp ?? '';
    if (content.sdp === undefined) {
      this.#lateOffer = exchange.request.body === '';
      const sdp = this.#lateOffer ? this.media.offer() : this.media.answer(exchange.request.body);
      if (sdp === undefined) {
        this.#unacked = undefined;
        this.#invited = exchange;
        this.reject(488);
        return;
      }
      body = this.#line.spoil(sdp);
    }
    exchange.onNoAck = () => {
      if (this.#unacked !== exchange) return;
      this.#unacked = undefined;
      void this.bye();
      this.#over('nobody', undefined);
    };
    this.status = 200;
    this.#respond(exchange, 200, content.headers ?? [], body);
    this.#readdress();
  }

  reject(status: number, reason?: string, headers: readonly HeaderLine[] = []): void {
    const exchange = this.#invited;
    if (!exchange) return;
    this.#invited = undefined;
    this.#respond(exchange, status, headers, '', reason);
    this.#over('local', undefined, status);
  }

  /** ACK of a 2xx. */
  acked(ack: SipText): void {
    const exchange = this.#unacked;
    if (!exchange || ack.cseq.seq !== exchange.request.cseq.seq) return;
    this.#unacked = undefined;
    exchange.acked();
    if (this.#lateOffer) this.media.answered(ack.body);
    this.#lateOffer = false;
    if (this.#state === 'ringing') this.#up();
  }

  /** The caller gave up. */
  cancelledBy(cancel: SipText): void {
    const exchange = this.#invited;
    if (!exchange) return;
    this.#invited = undefined;
    this.#respond(exchange, 487, [], '');
    this.#over('remote', cancel, 487);
  }

  // ---- in the call

  /** Whether a message is one of this dialog. */
  owns(message: SipText, fromPeer = true): boolean {
    if (message.callId !== this.callId) return false;
    const [ours, theirs] = fromPeer ? [message.toTag, message.fromTag] : [message.fromTag, message.toTag];
    return (ours === this.localTag || ours === '') && (this.#remoteTag === '' || theirs === this.#remoteTag);
  }

  /** A request of the peer; ACK and CANCEL come to their own methods. */
  receive(exchange: IncomingExchange): void {
    const { request } = exchange;
    const { method } = request;
    const { refuses = {} } = this.#line.misbehaviour;
    this.#remoteSeq = Math.max(this.#remoteSeq, request.cseq.seq);
    const refusal = refuses[method];
    if (refusal !== undefined) this.#respond(exchange, refusal);
    else if (method === 'BYE') {
      this.#respond(exchange, 200);
      const invited = this.#invited;
      this.#invited = undefined;
      if (invited) this.#respond(invited, 487);
      this.#over('remote', request);
    } else if (this.#state === 'over') this.#respond(exchange, 481);
    else if (method === 'INVITE' || method === 'UPDATE') this.#reinvited(exchange);
    else if (method === 'REFER') this.#referred(exchange);
    else {
      if (method === 'INFO') this.#info(request);
      this.#respond(exchange, 200);
    }
  }

  #reinvited(exchange: IncomingExchange): void {
    const { request } = exchange;
    if (this.#reinviting || this.#unacked) {
      this.#respond(exchange, 491);
      return;
    }
    if (request.method === 'UPDATE' && request.body === '') {
      this.#respond(exchange, 200);
      return;
    }
    this.#target = request.uriOf('contact') || this.#target;
    this.#lateOffer = request.body === '';
    const sdp = this.#lateOffer ? this.media.offer() : this.media.answer(request.body);
    if (sdp === undefined) {
      this.#respond(exchange, 488);
      return;
    }
    if (request.method === 'INVITE') {
      this.#unacked = exchange;
      exchange.onNoAck = () => {
        if (this.#unacked !== exchange) return;
        this.#unacked = undefined;
        void this.bye();
      };
    }
    this.#respond(exchange, 200, [], this.#line.spoil(sdp));
  }

  #referred(exchange: IncomingExchange): void {
    const uri = exchange.request.uriOf('refer-to');
    this.#respond(exchange, uri === '' ? 400 : 202);
    if (uri !== '') this.#line.follow(this, uri);
  }

  /** Both ways of digits in INFO: `application/dtmf-relay` has `Signal=1`, `application/dtmf` the digit alone. */
  #info(request: SipText): void {
    const type = request.header('content-type').toLowerCase();
    const relay = /^Signal\s*=\s*([0-9*#A-D])/im.exec(request.body)?.[1];
    const digit = type.includes('dtmf-relay') ? relay : type.includes('dtmf') ? request.body.trim() : undefined;
    if (digit) this.#line.heardDigit(digit);
  }

  /** Any request in the dialog. Resolves with its final response; undefined when there was none. */
  request(method: string, content: RequestContent = {}): Promise<SipText | undefined> {
    return new Promise((resolve) => {
      this.#localSeq++;
      const request = this.#compose(method, this.#localSeq, content);
      this.#line.exchange(request, this.#to, (response) => {
        if (response && response.status < 200) return;
        resolve(response);
      });
    });
  }

  /** Offers the audio again. Resolves with the final response. */
  async reInvite(
    content: RequestContent & {
      readonly direction?: PhoneDirection;
      readonly payloads?: readonly PhonePayload[];
      readonly sdp?: string;
    } = {},
  ): Promise<SipText | undefined> {
    const { direction, payloads, sdp, ...rest } = content;
    const body = sdp ?? this.#line.spoil(this.media.offer(direction, payloads));
    this.#reinviting = true;
    const response = await new Promise<SipText | undefined>((resolve) => {
      this.#localSeq++;
      const request = this.#compose('INVITE', this.#localSeq, { ...rest, type: sdpType, body });
      const exchange = this.#line.exchange(request, this.#to, (answer) => {
        if (!answer || answer.status >= 300) {
          if (answer) {
            this.#invite = exchange;
            this.#acknowledgeFailure(answer);
          }
          resolve(answer);
        } else if (answer.status >= 200) {
          if (this.#acks.has(answer.cseq.seq)) this.#line.send(this.#acks.get(answer.cseq.seq) as string, this.#to);
          else {
            this.#target = answer.uriOf('contact') || this.#target;
            this.media.answered(answer.body);
            this.#ack(answer.cseq.seq, '');
          }
          resolve(answer);
        }
      });
    });
    this.#reinviting = false;
    return response;
  }

  get isReinviting(): boolean {
    return this.#reinviting;
  }

  /** BYE. Resolves with its response. */
  async bye(headers: readonly HeaderLine[] = []): Promise<SipText | undefined> {
    if (this.#saidBye) return undefined;
    this.#saidBye = true;
    const done = this.request('BYE', { headers });
    this.#over('local', undefined);
    return done;
  }

  /** Gone without a word. */
  drop(): void {
    this.#over('local', undefined);
    this.#invite?.stop();
    this.#unacked?.stop();
    this.#invited?.stop();
  }

  #up(): void {
    this.#state = 'up';
    this.#settled.resolve();
  }

  #over(by: 'local' | 'remote' | 'nobody', word: SipText | undefined, status?: number): void {
    if (status !== undefined) this.status = status;
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.endedBy = by;
    this.lastWord = word;
    this.media.close();
    this.#settled.resolve();
  }

  // ---- messages

  #learn(response: SipText): void {
    if (response.toTag !== '') this.#remoteTag = response.toTag;
  }

  /** Where requests of ours go from now on: the first route, or the peer's Contact. */
  #readdress(): void {
    const hop = this.#routes[0] === undefined ? this.#target : uriIn(this.#routes[0]);
    this.#to = this.#line.resolve(hop) ?? this.#to;
  }

  #compose(method: string, seq: number, { headers = [], type, body = '' }: RequestContent): SipText {
    const to = this.#remoteTag === '' ? this.#remote : `${this.#remote};tag=${this.#remoteTag}`;
    const lines: HeaderLine[] = [
      ['Via', this.#line.via(this.#to.transport)],
      ['Max-Forwards', '70'],
      ...this.#routes.map((route): HeaderLine => ['Route', route]),
      ['From', `${this.#local};tag=${this.localTag}`],
      ['To', to],
      ['Call-ID', this.callId],
      ['CSeq', `${seq} ${method}`],
      ...(method === 'ACK' || method === 'BYE' ? [] : [['Contact', `<${this.#line.contact}>`] as const]),
      ...headers,
      ...(type === undefined ? [] : [['Content-Type', type] as const]),
    ];
    return new SipText(compose(`${method} ${this.#target} SIP/2.0`, lines, body), this.#line.clock.now());
  }

  #respond(
    exchange: IncomingExchange,
    status: number,
    headers: readonly HeaderLine[] = [],
    body = '',
    reason?: string,
  ): void {
    this.#line.respond(exchange, status, { tag: this.localTag, headers, body, ...(reason ? { reason } : {}) });
  }
}

function withoutTag(value: string): string {
  return `<${uriIn(value)}>`;
}
