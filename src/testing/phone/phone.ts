/**
 * A phone of the lab, to be told what to do and to be asked what it hears. What it waits for makes time pass. One
 * phone has one call at a time; `anotherLine()` gives another line of the same phone.
 *
 * What it hears is in `listener.ts`, what it says in `speaker.ts`, its calls in `call.ts`.
 */
import type { LabHost } from '../network/host.ts';
import { between } from '../seeded-random.ts';
import type { OfferContent, PhoneCall } from './call.ts';
import { PhoneDialog, type RequestContent } from './dialog.ts';
import { type AnswerContent, IncomingCall } from './incoming-call.ts';
import type { IncomingPlan } from './line.ts';
import type { PhoneLab, WaitOptions } from './listener.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { type InviteContent, OutgoingCall } from './outgoing-call.ts';
import { placeOf, toldBy } from './refer.ts';
import { type PhoneDirection, payloadsFor } from './sdp.ts';
import type { HeaderLine, SipText } from './sip-text.ts';
import { Speaker } from './speaker.ts';
import type { Station } from './station.ts';
import type { PhoneStream } from './stream.ts';
import type { Destination } from './wire.ts';

export interface ReInviteOptions extends Omit<OfferContent, 'payloads'> {
  /** Other codecs than before, by name. */
  readonly codecs?: readonly string[];
}

/** How often a re-INVITE is sent again after glare. */
const glareAttempts = 4;

export class Phone extends Speaker {
  readonly #station: Station;
  /** Of the calls that came in, the last that `rings` told of. */
  #rang: IncomingCall | undefined;

  /** Made by `Lab.phone`, not by users. */
  constructor(name: string, station: Station, lab: PhoneLab) {
    super(name, station.line(name), lab);
    this.#station = station;
  }

  // ---- who it is

  /** Its place in the lab's network. */
  get host(): LabHost {
    return this.#station.host;
  }

  /** Its address in the lab's network. */
  get address(): string {
    return this.host.address;
  }

  /** How it is called: `sip:alice@10.0.1.1:5060`. */
  get uri(): string {
    return this.line.contact;
  }

  /** Another line of this phone, for a second call: same address, same port. `onCall`, `misbehave` are its own. */
  anotherLine(): Phone {
    return new Phone(`${this.name}/${this.#station.lines.length + 1}`, this.#station, this.lab);
  }

  // ---- calling

  /**
   * Calls, and resolves when the call is up. Where a refusal is expected, use `invite` and `ends`.
   * @param target a URI, or a number at the lab's first Tandem
   * @throws LabError when it is refused, or not answered `within` (default 60,000 ms)
   */
  async dial(target: string, options: InviteContent & WaitOptions = {}): Promise<void> {
    const call = this.invite(target, options);
    await this.until(() => call.state !== 'calling', options, `${target} did not answer`);
    if (call.state === 'up') return;
    const why = call.lastWord?.startLine ?? 'nobody answered the INVITE';
    throw this.failure(`${this.name}'s call to ${target} failed: ${why}`);
  }

  /** Sends an INVITE and waits for nothing. */
  invite(target: string, content: InviteContent = {}): OutgoingCall {
    if (this.line.isBusy) throw this.failure(`${this.name} has a call already: use anotherLine() for a second`);
    const { uri, to } = this.#reach(target, 'call');
    this.line.note('phone', `calls ${uri}`);
    return this.line.dial(uri, to, content);
  }

  /** CANCEL. Resolves when the call is over; if it was answered first, it has been hung up. */
  async cancel(): Promise<void> {
    const call = this.mustHaveCall();
    if (!(call instanceof OutgoingCall) || call.state !== 'calling')
      throw this.failure(`${this.name} has nothing to cancel: its call is ${call.state}`);
    call.cancel();
    await this.until(() => call.state === 'over', {}, 'the cancelled call did not end');
  }

  // ---- being called

  /** What it does with calls that come in; by default it rings until it is told to answer. */
  set onCall(plan: IncomingPlan) {
    this.line.plan = plan;
  }

  /** Waits for a call to come in that `rings` did not tell of yet. Resolves with its INVITE. */
  async rings(options: WaitOptions = {}): Promise<SipText> {
    if (this.call instanceof IncomingCall && this.call.state === 'over') this.#rang = this.call;
    const rung = (): boolean => this.call instanceof IncomingCall && this.call !== this.#rang;
    await this.until(rung, options, 'nobody called');
    this.#rang = this.call as IncomingCall;
    return this.#rang.invite;
  }

  /** 180, 183 and the like; `sdp` makes it early media. */
  progress(status: number, content: AnswerContent = {}): void {
    this.#ringing('send progress').provisional(status, content);
  }

  /** 183 with SDP: early media, audio flows before the answer. */
  progressMedia(content: AnswerContent = {}): void {
    this.#ringing('send early media').progressMedia(content);
  }

  /** 200 to the call that rings; resolves when its ACK is in. @throws LabError when no ACK comes in 32 s */
  async answer(content: AnswerContent & WaitOptions = {}): Promise<void> {
    const call = this.#ringing('answer');
    call.accept(content);
    await this.until(() => call.state !== 'answered', content, 'the answer was not acknowledged');
    if (call.state === 'up') return;
    const why = call.status >= 300 ? `it was refused with ${call.status}` : 'the call is over';
    throw this.failure(`${this.name} could not answer: ${call.endedBy === 'nobody' ? 'there was no ACK' : why}`);
  }

  /** A final response that is no answer: 300–699. */
  reject(status = 486, reason?: string, headers: readonly HeaderLine[] = []): void {
    this.#ringing('reject').reject(status, reason, headers);
  }

  // ---- in the call

  /** Resolves when a call is up, whoever called. */
  async isUp(options: WaitOptions = {}): Promise<void> {
    await this.until(() => this.call?.state === 'up', options, 'no call is up');
  }

  /**
   * Ends the call in the way its state asks for: CANCEL, a refusal, or BYE.
   * @returns the response to the BYE; undefined when there was none, or no BYE
   */
  async hangup(): Promise<SipText | undefined> {
    const call = this.mustHaveCall();
    if (call.state !== 'over') this.line.note('phone', 'hangs up');
    return this.lab.run(call.hangup());
  }

  /** Waits for the end of the call. Resolves with the peer's BYE, CANCEL or refusal if it was the peer who ended it. */
  async ends(options: WaitOptions = {}): Promise<SipText | undefined> {
    const call = this.mustHaveCall();
    await this.until(() => call.state === 'over', options, 'the call did not end');
    return call.lastWord;
  }

  /**
   * A re-INVITE; on glare (491) again after a while. Resolves with its final response, which may be a refusal.
   * @throws LabError when nobody answers
   */
  reInvite(options: ReInviteOptions = {}): Promise<SipText> {
    return this.#renegotiate('INVITE', options);
  }

  /** As `reInvite`, by UPDATE (RFC 3311). */
  update(options: ReInviteOptions = {}): Promise<SipText> {
    return this.#renegotiate('UPDATE', options);
  }

  async #renegotiate(method: 'INVITE' | 'UPDATE', { codecs, ...options }: ReInviteOptions): Promise<SipText> {
    const call = this.#established(`send ${method}`);
    const content = codecs ? { ...options, payloads: payloadsFor(codecs) } : options;
    for (let attempt = 0; ; attempt++) {
      while (call.isNegotiating && this.#established(`send ${method}`))
        await this.until(() => !call.isNegotiating || call.state === 'over', {}, 'an offer is still under way');
      const response = await this.lab.run(method === 'INVITE' ? call.reInvite(content) : call.update(content));
      if (!response) throw this.failure(`nobody answered the ${method} of ${this.name}`);
      if (response.status !== 491 || attempt === glareAttempts) return response;
      // RFC 3261 §14.1: who made the call waits 2.1–4 s, the other 0–2 s.
      const [least, most] = call.role === 'caller' ? [210, 400] : [0, 200];
      await this.lab.until(() => call.state === 'over', 10 * between(this.line.random, least, most));
    }
  }

  /** Hears nothing from now on; the peer may go on hearing us. @throws LabError when it is refused */
  hold(): Promise<void> {
    return this.#turn('hold', 'sendonly');
  }

  /** @throws LabError when it is refused */
  resume(): Promise<void> {
    return this.#turn('resume', 'sendrecv');
  }

  async #turn(what: string, direction: PhoneDirection): Promise<void> {
    const response = await this.reInvite({ direction });
    if (response.status >= 300) throw this.failure(`${this.name} could not ${what}: ${response.startLine}`);
  }

  /** Any request in the dialog: resolves with its final response. @throws LabError when nobody answers */
  async request(method: string, content: RequestContent = {}): Promise<SipText> {
    const response = await this.lab.run(this.mustHaveCall().request(method, content));
    if (!response) throw this.failure(`nobody answered the ${method} of ${this.name}`);
    return response;
  }

  /**
   * REFER, blind to a URI or attended to the peer of another line of this phone (RFC 3515, 3891). The call stays:
   * hang it up when the transfer went well.
   * @returns how it went: the last status that NOTIFY told, or the refusal of the REFER
   */
  async transfer(to: string | Phone, options: WaitOptions = {}): Promise<number> {
    const target =
      typeof to === 'string' ? this.lab.uriFor(to, this.line.transport) : placeOf(to.#established('be referred to'));
    const from = this.received.length;
    const headers: HeaderLine[] = [
      ['Refer-To', `<${target}>`],
      ['Referred-By', `<${this.line.uri}>`],
    ];
    const response = await this.request('REFER', { headers });
    if (response.status >= 300) return response.status;
    const told = (): ReturnType<typeof toldBy> => this.received.slice(from).map(toldBy).findLast(Boolean);
    await this.until(() => told()?.decided === true, options, 'nobody told how the transfer went');
    return told()?.status ?? 0;
  }

  /** A request outside of any call, such as OPTIONS: resolves with its final response. */
  async ask(method: string, target: string, content: RequestContent = {}): Promise<SipText> {
    const { uri, to } = this.#reach(target, 'reach');
    const request = PhoneDialog.calling(this.line, uri, to).compose(method, content);
    const response = await this.lab.run(this.line.ask(request, to));
    if (!response) throw this.failure(`nobody answered the ${method} of ${this.name}`);
    return response;
  }

  // ---- wrong on purpose

  /** The network cable is pulled: nothing goes out, nothing comes in, nobody is told. */
  vanish(): void {
    this.line.note('network', 'is gone from the network');
    this.host.online = false;
  }

  comeBack(): void {
    this.line.note('network', 'is back');
    this.host.online = true;
  }

  /** What this line does wrong from now on; what is not named goes on as it was. `{}` changes nothing. */
  misbehave(how: Misbehaviour): void {
    this.line.misbehaviour = { ...this.line.misbehaviour, ...how };
    this.line.note('phone', `misbehaves: ${Object.keys(how).join(', ')}`);
  }

  /** Does everything right again. */
  behave(): void {
    this.line.behave();
  }

  /**
   * Sends any text as it is, say a message that is malformed. What comes back is in `received`.
   * @param to a URI, a number at the lab's first Tandem, or an address; default: where the call's requests go
   */
  send(text: string, to: Destination | string = this.mustHaveCall().dialog.to): void {
    this.#station.transmit(text, typeof to === 'string' ? this.#reach(to, 'send to').to : to);
  }

  /** A TCP connection of its own to a peer: to write half a message to, to leave unread, to break off. */
  connect(target: string): PhoneStream {
    return this.#station.wire.connect(this.#reach(target, 'connect to').to);
  }

  // ---- inside

  #reach(target: string, verb: string): { readonly uri: string; readonly to: Destination } {
    const uri = this.lab.uriFor(target, this.line.transport);
    const to = this.line.resolve(uri);
    if (!to) throw this.failure(`${this.name} cannot ${verb} ${uri}: the lab has no such host`);
    return { uri, to };
  }

  #ringing(verb: string): IncomingCall {
    const { call } = this;
    if (call instanceof IncomingCall && call.state === 'ringing') return call;
    const why = call ? `its call is ${call.state}` : 'nobody called: wait for rings()';
    throw this.failure(`${this.name} cannot ${verb}: ${why}`);
  }

  #established(verb: string): PhoneCall {
    const { call } = this;
    if (call?.state === 'up' || call?.state === 'answered') return call;
    throw this.failure(`${this.name} cannot ${verb}: ${call ? `its call is ${call.state}` : 'it has no call'}`);
  }
}
