/** One line of a lab phone: what its call needs of the phone around it, and what has come to it so far. */
import type { Clock } from '../../base/clock.ts';
import { type Random, token } from '../../base/random.ts';
import { defaultReason } from '../../sip/message.ts';
import { hostPort } from '../../sip/transport/address.ts';
import type { LabHost } from '../network/host.ts';
import type { EntryKind } from '../time-line.ts';
import { type AnswerContent, type InviteContent, PhoneCall } from './call.ts';
import type { IncomingExchange, OutgoingExchange } from './exchanges.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import type { PhonePayload } from './sdp.ts';
import { compose, type HeaderLine, type SipText } from './sip-text.ts';
import type { Station } from './station.ts';
import type { Destination } from './wire.ts';

/** What a line does with a call that comes in. */
export interface IncomingPlan {
  /** Sends 180 at once; default true. */
  readonly ring?: boolean;
  /** Answers after so many milliseconds; default: never by itself. */
  readonly answerAfterMs?: number;
  /** Refuses with this status, at once or `rejectAfterMs` later. */
  readonly reject?: number;
  readonly rejectAfterMs?: number;
  /** For 180 and 200: headers, or other SDP than its own. */
  readonly content?: AnswerContent;
  /** 183 with SDP at once: early media. */
  readonly early?: boolean;
}

export interface LineOptions {
  readonly uri: string;
  readonly payloads: readonly PhonePayload[];
  readonly talks: boolean;
  readonly transport: 'udp' | 'tcp';
}

export class Line {
  readonly uri: string;
  readonly payloads: readonly PhonePayload[];
  readonly talks: boolean;
  readonly transport: 'udp' | 'tcp';
  readonly received: SipText[] = [];
  misbehaviour: Misbehaviour = {};
  plan: IncomingPlan = {};
  call: PhoneCall | undefined;
  /** Digits heard in this call, in whichever way they came. */
  digits = '';
  readonly #station: Station;
  readonly #name: string;

  constructor(station: Station, name: string, { uri, payloads, talks, transport }: LineOptions) {
    this.#station = station;
    this.#name = name;
    this.uri = uri;
    this.payloads = payloads;
    this.talks = talks;
    this.transport = transport;
  }

  get clock(): Clock {
    return this.#station.clock;
  }

  get random(): Random {
    return this.#station.random;
  }

  get host(): LabHost {
    return this.#station.host;
  }

  get isBusy(): boolean {
    return this.call !== undefined && this.call.state !== 'over';
  }

  /** Where it is reached. */
  get contact(): string {
    const user = /^sip:([^@]+)@/.exec(this.uri)?.[1] ?? this.#name;
    const params = this.transport === 'tcp' ? ';transport=tcp' : '';
    return `sip:${user}@${hostPort(this.host.address, this.#station.port)}${params}`;
  }

  // ---- calls

  dial(uri: string, to: Destination, content: InviteContent): PhoneCall {
    this.digits = '';
    this.call = PhoneCall.call(this, uri, to, content);
    return this.call;
  }

  /** A call comes in: what the plan says is done with it. */
  incoming(exchange: IncomingExchange): void {
    this.digits = '';
    const call = PhoneCall.called(this, exchange);
    this.call = call;
    const { ring = true, answerAfterMs, reject, rejectAfterMs = 0, content = {}, early = false } = this.plan;
    const later = (ms: number, act: () => void): void => {
      if (ms === 0) act();
      else this.clock.setTimer(ms, act, 'phone');
    };
    if (reject !== undefined && rejectAfterMs === 0) {
      call.reject(reject);
      return;
    }
    if (early) call.provisional(183, { ...content, sdp: call.media.answer(exchange.request.body) ?? null });
    else if (ring) call.provisional(180, { ...content, sdp: null });
    if (reject !== undefined) later(rejectAfterMs, () => call.reject(reject));
    else if (answerAfterMs !== undefined) later(answerAfterMs, () => call.accept(content));
  }

  heardDigit(digit: string): void {
    this.digits += digit;
    this.note('dtmf', `hears digit ${digit}`);
  }

  /** Does what a REFER of the peer asks for: calls, and tells how that goes (RFC 3515). */
  follow(call: PhoneCall, referTo: string): void {
    const [uri = '', query = ''] = referTo.split('?');
    const to = this.resolve(uri);
    const tell = (status: string, over: boolean): void => {
      void call.request('NOTIFY', {
        headers: [
          ['Event', 'refer'],
          ['Subscription-State', over ? 'terminated;reason=noresource' : 'active;expires=60'],
        ],
        type: 'message/sipfrag;version=2.0',
        body: `SIP/2.0 ${status}\r\n`,
      });
    };
    tell('100 Trying', false);
    if (!to) {
      tell('503 Service Unavailable', true);
      return;
    }
    const replaces = /(?:^|&)Replaces=([^&]*)/i.exec(query)?.[1];
    const headers: HeaderLine[] = [['Referred-By', `<${call.remoteUri}>`]];
    if (replaces !== undefined) headers.push(['Replaces', decodeURIComponent(replaces)]);
    const next = this.#station.line(`${this.#name}'`).dial(uri, to, { headers });
    void next.settled.then(() => {
      if (next.state === 'up') tell('200 OK', true);
      else tell(`${next.status} Refused`, true);
    });
  }

  // ---- messages

  exchange(request: SipText, to: Destination, onResponse: (response: SipText | undefined) => void): OutgoingExchange {
    return this.#station.exchange(this, request, to, onResponse);
  }

  respond(
    exchange: IncomingExchange,
    status: number,
    content: {
      readonly tag?: string;
      readonly headers?: readonly HeaderLine[];
      readonly body?: string;
      readonly reason?: string;
    },
  ): void {
    const { request } = exchange;
    const { tag = token(this.random, 4), headers = [], body = '', reason = defaultReason(status) } = content;
    const to = request.header('to');
    const lines: HeaderLine[] = [
      ...request.headers.filter(([name]) => name === 'via').map(([, value]): HeaderLine => ['Via', value]),
      ...request.headers.filter(([name]) => name === 'record-route').map(([, v]): HeaderLine => ['Record-Route', v]),
      ['From', request.header('from')],
      ['To', request.toTag !== '' || status === 100 ? to : `${to};tag=${tag}`],
      ['Call-ID', request.callId],
      ['CSeq', request.header('cseq')],
      ...(status < 300 && request.method === 'INVITE' ? [['Contact', `<${this.contact}>`] as const] : []),
      ...headers,
      ...(body === '' ? [] : [['Content-Type', 'application/sdp'] as const]),
    ];
    exchange.respond(status, compose(`SIP/2.0 ${status} ${reason}`, lines, body));
  }

  send(text: string, to: Destination): void {
    const { copies = 1, lateMs = 0, garble } = this.misbehaviour;
    const sent = garble ? garble(text) : text;
    const send = (): void => {
      for (let i = 0; i < copies; i++) this.#station.transmit(sent, to);
    };
    if (lateMs === 0) send();
    else this.clock.setTimer(lateMs, send, 'phone');
  }

  behave(): void {
    this.misbehaviour = {};
  }

  /** What is wrong with its SDP, if it is told to be wrong. */
  spoil(sdp: string): string {
    return this.misbehaviour.sdp?.(sdp) ?? sdp;
  }

  via(transport: 'udp' | 'tcp'): string {
    const branch = `z9hG4bK${token(this.random, 8)}`;
    const sentBy = hostPort(this.host.address, this.#station.port);
    return `SIP/2.0/${transport.toUpperCase()} ${sentBy};rport;branch=${branch}`;
  }

  resolve(uri: string): Destination | undefined {
    return this.#station.resolve(uri);
  }

  note(kind: EntryKind, text: string): void {
    this.#station.note(kind, this.#name, text);
  }

  /** For `received` and whoever waits for it. */
  record(message: SipText): void {
    this.received.push(message);
  }
}
