/** One line of a lab phone: its call, what comes in on it, and what it sends, right or wrong. */
import type { Clock, Timer } from '../../base/clock.ts';
import { type Random, token } from '../../base/random.ts';
import { defaultReason } from '../../sip/message.ts';
import { hostPort } from '../../sip/transport/address.ts';
import type { LabHost } from '../network/host.ts';
import type { EntryKind } from '../time-line.ts';
import type { PhoneCall } from './call.ts';
import { allow } from './dialog.ts';
import { type AnswerContent, IncomingCall } from './incoming-call.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { type InviteContent, OutgoingCall } from './outgoing-call.ts';
import type { PhonePayload } from './sdp.ts';
import { compose, type HeaderLine, overruled, type SipText } from './sip-text.ts';
import type { Station } from './station.ts';
import type { ClientTransaction, ServerTransaction } from './transactions.ts';
import type { Destination } from './wire.ts';

/** What a line does with a call that comes in. */
export interface IncomingPlan {
  /** Sends 180 at once; default true. */
  readonly ring?: boolean;
  /** Sends 183 with SDP at once instead: early media. */
  readonly early?: boolean;
  /** Answers after so many milliseconds; default: never by itself. */
  readonly answerAfterMs?: number;
  /** Refuses with this status, at once or `rejectAfterMs` later. */
  readonly reject?: number;
  readonly rejectAfterMs?: number;
  /** For 183 and 200: headers, or other SDP than its own. */
  readonly content?: AnswerContent;
}

export interface LineOptions {
  readonly uri: string;
  readonly payloads: readonly PhonePayload[];
  readonly talks: boolean;
  readonly transport: 'udp' | 'tcp';
}

export interface ResponseContent {
  /** To tag; default a new one. */
  readonly tag?: string;
  readonly headers?: readonly HeaderLine[];
  readonly body?: string;
  readonly reason?: string;
}

export class Line {
  readonly uri: string;
  readonly payloads: readonly PhonePayload[];
  readonly talks: boolean;
  readonly transport: 'udp' | 'tcp';
  /** Every message that came, copies too. */
  readonly received: SipText[] = [];
  misbehaviour: Misbehaviour = {};
  plan: IncomingPlan = {};
  readonly #station: Station;
  readonly #name: string;
  #call: PhoneCall | undefined;
  /** All that it ever had, by Call-ID: of those that are over a message may still come. */
  readonly #calls = new Map<string, PhoneCall>();
  /** Messages that are held back. */
  readonly #late = new Set<Timer>();

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

  /** The present call, or the last one. */
  get call(): PhoneCall | undefined {
    return this.#call;
  }

  get isBusy(): boolean {
    return this.#call !== undefined && this.#call.state !== 'over';
  }

  /** Where it is reached. */
  get contact(): string {
    const user = /^sip:([^@]+)@/.exec(this.uri)?.[1] ?? this.#name;
    const params = this.transport === 'tcp' ? ';transport=tcp' : '';
    return `sip:${user}@${hostPort(this.host.address, this.#station.port)}${params}`;
  }

  // ---- calls

  dial(uri: string, to: Destination, content: InviteContent): OutgoingCall {
    return this.#add(new OutgoingCall(this, uri, to, content));
  }

  /** A call comes in: what the plan says is done with it. */
  incoming(transaction: ServerTransaction): void {
    const call = this.#add(new IncomingCall(this, transaction));
    const { ring = true, answerAfterMs, reject, rejectAfterMs = 0, content = {}, early = false } = this.plan;
    const after = (ms: number, act: () => void): void => (ms > 0 ? call.later(ms, act) : act());
    if (reject !== undefined && rejectAfterMs <= 0) {
      call.reject(reject);
      return;
    }
    if (early) call.progressMedia(content);
    else if (ring) call.provisional(180);
    if (reject !== undefined) after(rejectAfterMs, () => call.reject(reject));
    else if (answerAfterMs !== undefined) after(answerAfterMs, () => call.accept(content));
  }

  /** A call comes in, in the place of the present one (RFC 3891 §3). */
  replace(transaction: ServerTransaction): void {
    const replaced = this.#call;
    this.#add(new IncomingCall(this, transaction)).accept();
    void replaced?.hangup();
  }

  /** Another of its calls is the present one. */
  turnTo(call: PhoneCall): void {
    this.#call = call;
  }

  #add<T extends PhoneCall>(call: T): T {
    this.#call = call;
    this.#calls.set(call.callId, call);
    return call;
  }

  get calls(): Iterable<PhoneCall> {
    return this.#calls.values();
  }

  /** The call that a message belongs to. */
  callOf(message: SipText): PhoneCall | undefined {
    const call = this.#calls.get(message.callId);
    return call?.dialog.owns(message, message.status === 0) ? call : undefined;
  }

  // ---- messages

  /** A request, again and again until it is answered. */
  send(request: SipText, to: Destination, onResponse: (response: SipText | undefined) => void): ClientTransaction {
    return this.#station.send(this, request, to, onResponse);
  }

  /** Sends a request outside of any call. Resolves with its final response; undefined when there was none in 32 s. */
  ask(request: SipText, to: Destination): Promise<SipText | undefined> {
    return new Promise((resolve) => {
      this.send(request, to, (response) => {
        if (!response || response.status >= 200) resolve(response);
      });
    });
  }

  respond(transaction: ServerTransaction, status: number, content: ResponseContent = {}): void {
    const { request } = transaction;
    const { tag = token(this.random, 4), headers = [], body = '', reason = defaultReason(status) } = content;
    const copied = (name: string, as: string): HeaderLine[] =>
      request.headers.filter(([one]) => one === name).map(([, value]) => [as, value]);
    const says = status < 300 && (request.method === 'INVITE' || request.method === 'UPDATE');
    const to = request.header('to');
    const own: HeaderLine[] = [
      ...copied('via', 'Via'),
      ...copied('record-route', 'Record-Route'),
      ['From', request.header('from')],
      ['To', request.toTag !== '' || status === 100 ? to : `${to};tag=${tag}`],
      ['Call-ID', request.callId],
      ['CSeq', request.header('cseq')],
      ...(says ? [['Contact', `<${this.contact}>`] as const] : []),
      ...(says || status === 405 || request.method === 'OPTIONS' ? [['Allow', allow] as const] : []),
      ...(body === '' ? [] : [['Content-Type', 'application/sdp'] as const]),
    ];
    transaction.respond(status, compose(`SIP/2.0 ${status} ${reason}`, overruled(own, headers), body));
  }

  /** A whole message, as the line's misbehaviour has it. */
  transmit(text: string, to: Destination): void {
    const { copies = 1, lateMs = 0, garble } = this.misbehaviour;
    const sent = garble ? garble(text) : text;
    const send = (): void => {
      for (let i = 0; i < copies; i++) this.#station.transmit(sent, to);
    };
    if (lateMs <= 0) {
      send();
      return;
    }
    const fire = (): void => {
      this.#late.delete(timer);
      send();
    };
    const timer = this.clock.setTimer(lateMs, fire, 'phone');
    this.#late.add(timer);
  }

  behave(): void {
    this.misbehaviour = {};
  }

  /** What is wrong with its SDP, if it is told to be wrong. */
  spoil(sdp: string): string {
    return sdp === '' ? sdp : (this.misbehaviour.sdp?.(sdp) ?? sdp);
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

  /** Gone without a word. */
  close(): void {
    for (const call of this.calls) call.drop();
    for (const timer of this.#late) timer.cancel();
    this.#late.clear();
  }
}
