/**
 * A phone of the lab, to be told what to do and to be asked what it hears. What it waits for makes time pass. One
 * phone has one call at a time; `anotherLine()` gives another line of the same phone.
 */
import { type Tone, ToneGenerator } from '../../../media/audio/index.ts';
import { LabError } from '../errors.ts';
import { hearingRate, samplesPerMs } from '../hearing/heard-audio.ts';
import { between } from '../seeded-random.ts';
import type { AnswerContent, InviteContent, PhoneCall, RequestContent } from './call.ts';
import type { IncomingPlan } from './line.ts';
import { Listener, type PhoneLab, type WaitOptions } from './listener.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { type PhoneDirection, payloadsFor } from './sdp.ts';
import { compose, type HeaderLine, SipText } from './sip-text.ts';
import type { Station } from './station.ts';
import type { Destination } from './wire.ts';

/** A WAV file by path or URL, 16-bit mono samples at 8 kHz, or a tone. */
export type Sound = string | URL | Int16Array | Tone;

export interface PressOptions {
  /** Default `rfc4733`. */
  readonly by?: 'rfc4733' | 'info' | 'inband';
  /** Of each digit; default 100. */
  readonly durationMs?: number;
  /** Between two; default 100. */
  readonly gapMs?: number;
  /** Of INFO; default `application/dtmf-relay`. */
  readonly infoType?: 'application/dtmf-relay' | 'application/dtmf';
}

const rows = [697, 770, 852, 941];
const columns = [1209, 1336, 1477, 1633];
const keys = '123A456B789C*0#D';

export class Phone extends Listener {
  readonly #station: Station;

  /** Made by `Lab.phone`, not by users. */
  constructor(name: string, station: Station, lab: PhoneLab) {
    super(name, station.line(name), lab);
    this.#station = station;
  }

  // ---- who it is

  /** Its address in the lab's network. */
  get address(): string {
    return this.#station.host.address;
  }

  /** How it is called: `sip:alice@10.0.1.1:5060`. */
  get uri(): string {
    return this.line.contact;
  }

  /** Another line of this phone, for a second call: same address, same port. */
  anotherLine(): Phone {
    return new Phone(`${this.name}/${this.#station.lines.length + 1}`, this.#station, this.lab);
  }

  // ---- calling

  /**
   * Calls, and resolves when the call is up.
   * @param target a URI, or a number at the lab's first Tandem
   * @throws LabError when it is refused, or not answered `within`
   */
  async dial(target: string, options: InviteContent & WaitOptions = {}): Promise<void> {
    const call = this.invite(target, options);
    await this.until(() => call.state !== 'calling', options, `${target} did not answer`);
    if (call.state === 'up') return;
    const { lastWord, status } = call;
    throw this.lab.failure(`${this.name}'s call to ${target} failed: ${lastWord?.startLine ?? status}`, this);
  }

  /** Sends an INVITE and waits for nothing. */
  invite(target: string, content: InviteContent = {}): PhoneCall {
    if (this.line.isBusy) throw this.lab.failure(`${this.name} has a call already: use anotherLine() for a second`);
    const uri = this.lab.uriFor(target, this.line.transport);
    const to = this.line.resolve(uri);
    if (!to) throw this.lab.failure(`${this.name} cannot call ${uri}: the lab has no such host`);
    this.line.note('phone', `calls ${uri}`);
    return this.line.dial(uri, to, content);
  }

  /** CANCEL. Resolves when the call is over, or was answered first and has been hung up. */
  async cancel(): Promise<void> {
    const call = this.mustHaveCall();
    call.cancel();
    await this.until(() => call.state === 'over', {}, 'the cancelled call did not end');
  }

  // ---- being called

  /** What it does with calls that come in; by default it rings until it is told to answer. */
  set onCall(plan: IncomingPlan) {
    this.line.plan = plan;
  }

  /** Waits for a call to come in, and resolves with its INVITE. */
  async rings(options: WaitOptions = {}): Promise<SipText> {
    await this.until(() => this.call?.state === 'ringing', options, 'nobody called');
    return this.mustHaveCall().invite;
  }

  /** 180, 183 and the like; `sdp` makes it early media. */
  progress(status: number, content: AnswerContent = {}): void {
    this.mustHaveCall().provisional(status, content);
  }

  /** 200 to the call that rings; resolves when its ACK is in. */
  async answer(content: AnswerContent & WaitOptions = {}): Promise<void> {
    const call = this.mustHaveCall();
    call.accept(content);
    await this.until(() => call.state !== 'ringing', content, 'the answer was not acknowledged');
    if (call.state !== 'up') throw this.lab.failure(`${this.name} could not answer: the call is over`, this);
  }

  reject(status = 486, reason?: string, headers: readonly HeaderLine[] = []): void {
    this.mustHaveCall().reject(status, reason, headers);
  }

  // ---- in the call

  /** Resolves when a call is up, whoever called. */
  async isUp(options: WaitOptions = {}): Promise<void> {
    await this.until(() => this.call?.state === 'up', options, 'no call is up');
  }

  /** Ends the call in the way its state asks for: CANCEL, a refusal, or BYE, and then waits for its response. */
  async hangup(): Promise<void> {
    const call = this.mustHaveCall();
    if (call.state === 'calling') await this.cancel();
    else if (call.state === 'ringing') call.reject(480);
    else if (call.state === 'up') {
      this.line.note('phone', 'hangs up');
      await this.lab.run(call.bye());
    }
  }

  /** Waits for the far end to hang up. Resolves with its BYE or CANCEL, or the refusal of our INVITE. */
  async ends(options: WaitOptions = {}): Promise<SipText | undefined> {
    const call = this.mustHaveCall();
    await this.until(() => call.state === 'over', options, 'the call did not end');
    return call.lastWord;
  }

  /**
   * A re-INVITE; on glare (491) again after a while. Resolves with its final response, which may be a refusal.
   * @param options `direction`, other `codecs`, other `sdp`
   */
  async reInvite(
    options: RequestContent & {
      readonly direction?: PhoneDirection;
      readonly codecs?: readonly string[];
      readonly sdp?: string;
    } = {},
  ): Promise<SipText> {
    const call = this.mustHaveCall();
    const { codecs, ...rest } = options;
    const content = codecs ? { ...rest, payloads: payloadsFor(codecs) } : rest;
    const ask = async (): Promise<SipText | undefined> => {
      for (let attempt = 0; ; attempt++) {
        const response = await call.reInvite(content);
        if (response?.status !== 491 || attempt === 4 || call.state !== 'up') return response;
        // RFC 3261 §14.1
        const units = call.role === 'caller' ? between(this.line.random, 210, 400) : between(this.line.random, 0, 200);
        await this.#pass(units * 10);
      }
    };
    const response = await this.lab.run(ask());
    if (!response) throw this.lab.failure(`nobody answered the re-INVITE of ${this.name}`, this);
    return response;
  }

  /** @throws LabError when it is refused */
  async hold(): Promise<void> {
    this.#mustAccept('hold', await this.reInvite({ direction: 'sendonly' }));
  }

  /** @throws LabError when it is refused */
  async resume(): Promise<void> {
    this.#mustAccept('resume', await this.reInvite({ direction: 'sendrecv' }));
  }

  /** Any request in the dialog: resolves with its final response. */
  async request(method: string, content: RequestContent = {}): Promise<SipText> {
    const response = await this.lab.run(this.mustHaveCall().request(method, content));
    if (!response) throw this.lab.failure(`nobody answered the ${method} of ${this.name}`, this);
    return response;
  }

  /**
   * REFER, blind to a URI or attended to the call of another line of this phone.
   * @returns how it went: the last status that NOTIFY told, or the refusal of the REFER
   */
  async transfer(to: string | Phone, options: WaitOptions = {}): Promise<number> {
    const target = typeof to === 'string' ? this.lab.uriFor(to, this.line.transport) : replacing(to);
    const from = this.received.length;
    const response = await this.request('REFER', { headers: [['Refer-To', `<${target}>`]] });
    if (response.status >= 300) return response.status;
    let status = 0;
    const told = (): boolean => {
      for (const { method, body } of this.received.slice(from))
        if (method === 'NOTIFY') status = Number(/^SIP\/2\.0 (\d{3})/.exec(body)?.[1] ?? 0);
      return status >= 200;
    };
    await this.until(told, options, 'nobody told how the transfer went');
    return status;
  }

  /** A request outside of any call, such as OPTIONS: resolves with its final response. */
  async ask(method: string, target: string, content: RequestContent = {}): Promise<SipText> {
    const uri = this.lab.uriFor(target, this.line.transport);
    const to = this.line.resolve(uri);
    if (!to) throw this.lab.failure(`${this.name} cannot reach ${uri}: the lab has no such host`);
    const { headers = [], type, body = '' } = content;
    const id = this.line.random.uint32().toString(16);
    const lines: HeaderLine[] = [
      ['Via', this.line.via(to.transport)],
      ['Max-Forwards', '70'],
      ['From', `<${this.line.uri}>;tag=${id}`],
      ['To', `<${uri}>`],
      ['Call-ID', `${id}@${this.address}`],
      ['CSeq', `1 ${method}`],
      ['Contact', `<${this.uri}>`],
      ...headers,
      ...(type === undefined ? [] : [['Content-Type', type] as const]),
    ];
    const request = new SipText(compose(`${method} ${uri} SIP/2.0`, lines, body), this.line.clock.now());
    const answered = new Promise<SipText | undefined>((resolve) => {
      this.line.exchange(request, to, (response) => {
        if (!response || response.status >= 200) resolve(response);
      });
    });
    const response = await this.lab.run(answered);
    if (!response) throw this.lab.failure(`nobody answered the ${method} of ${this.name}`, this);
    return response;
  }

  // ---- speaking

  /** Presses keys, and resolves when the last is released. */
  async press(digits: string, options: PressOptions = {}): Promise<void> {
    const { by = 'rfc4733', durationMs = 100, gapMs = 100, infoType = 'application/dtmf-relay' } = options;
    const call = this.#mustBeUp();
    this.line.note('dtmf', `presses ${digits} (${by})`);
    if (by === 'rfc4733') {
      if (!call.media.mouth.canPress)
        throw this.lab.failure(`${this.name} cannot press ${digits}: no telephone-event was agreed on`);
      await this.lab.run(call.media.mouth.press(digits, durationMs, gapMs));
    } else if (by === 'inband') await this.lab.run(call.media.mouth.say(dialled(digits, durationMs, gapMs)));
    else {
      for (const digit of digits) {
        const body = infoType === 'application/dtmf' ? digit : `Signal=${digit}\r\nDuration=${durationMs}\r\n`;
        await this.request('INFO', { type: infoType, body });
      }
    }
  }

  /** Says it, and resolves when it is said; a tone has no end, so use `speak` for it. */
  async say(sound: Sound): Promise<void> {
    const call = this.#mustBeUp();
    const samples = await this.#samples(sound);
    this.line.note('phone', `says ${labelOf(sound)}`);
    await this.lab.run(call.media.mouth.say(samples));
  }

  /** Begins to say it, and waits for nothing; what was being said is cut off. */
  async speak(sound: Sound): Promise<void> {
    const call = this.#mustBeUp();
    const samples = await this.#samples(sound);
    this.line.note('phone', `begins to say ${labelOf(sound)}`);
    void call.media.mouth.say(samples);
  }

  /** Ends what it is saying; silence is sent then, as phones do. */
  hush(): void {
    this.call?.media.mouth.hush();
  }

  /** Sends no RTP any more, not even silence. @param on false: again */
  goSilent(on = true): void {
    const { mouth } = this.mustHaveCall().media;
    this.line.note('phone', on ? 'goes silent: no RTP' : 'sends RTP again');
    if (on) mouth.hush();
    mouth.talk(!on);
  }

  /** The network cable is pulled: nothing goes out, nothing comes in, nobody is told. */
  vanish(): void {
    this.line.note('network', 'is gone from the network');
    this.#station.host.online = false;
  }

  comeBack(): void {
    this.line.note('network', 'is back');
    this.#station.host.online = true;
  }

  // ---- wrong on purpose

  /** What it does wrong from now on; what is not named goes on as it was. `{}` changes nothing. */
  misbehave(how: Misbehaviour): void {
    this.line.misbehaviour = { ...this.line.misbehaviour, ...how };
    this.line.note('phone', `misbehaves: ${Object.keys(how).join(', ')}`);
  }

  /** Does everything right again. */
  behave(): void {
    this.line.behave();
  }

  /** Sends any text as it is, say a message that is malformed. @param to default: where the call's messages go */
  send(text: string, to: Destination | string): void {
    const target = typeof to === 'string' ? this.line.resolve(this.lab.uriFor(to, this.line.transport)) : to;
    if (!target) throw this.lab.failure(`${this.name} cannot send to ${String(to)}: the lab has no such host`);
    this.#station.transmit(text, target);
  }

  /** A TCP connection of its own to a peer: to write half a message to, to leave unread, to break off. */
  connect(target: string): ReturnType<Station['wire']['connect']> {
    const to = this.line.resolve(this.lab.uriFor(target, 'tcp'));
    if (!to) throw this.lab.failure(`${this.name} cannot connect to ${target}: the lab has no such host`);
    return this.#station.wire.connect(to);
  }

  // ---- inside

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.line.clock.setTimer(ms, resolve, 'phone'));
  }

  #mustBeUp(): PhoneCall {
    const call = this.mustHaveCall();
    if (call.state !== 'over') return call;
    throw this.lab.failure(`${this.name}'s call is over`, this);
  }

  #mustAccept(what: string, response: SipText): void {
    if (response.status < 300) return;
    throw this.lab.failure(`${this.name} could not ${what}: ${response.startLine}`, this);
  }

  async #samples(sound: Sound): Promise<Int16Array | Tone> {
    if (sound instanceof Int16Array || isToneSound(sound)) return sound;
    return (await this.lab.reference(sound)).samples;
  }
}

function isToneSound(sound: Sound): sound is Tone {
  return typeof sound === 'object' && 'frequencies' in sound;
}

function labelOf(sound: Sound): string {
  if (sound instanceof Int16Array) return `${sound.length / samplesPerMs} ms of audio`;
  if (isToneSound(sound)) return `a tone of ${sound.frequencies.join(' + ')} Hz`;
  return String(sound).replace(/^.*\//, '');
}

/** The tones of ITU-T Q.23, one digit behind the other. */
function dialled(digits: string, durationMs: number, gapMs: number): Int16Array {
  const samples = (ms: number): number => Math.round((ms * hearingRate) / 1000);
  const out = new Int16Array(digits.length * (samples(durationMs) + samples(gapMs)));
  for (const [i, digit] of [...digits.toUpperCase()].entries()) {
    const key = keys.indexOf(digit);
    if (key < 0) continue;
    const frequencies = [rows[key >> 2] as number, columns[key & 3] as number];
    const from = i * (samples(durationMs) + samples(gapMs));
    new ToneGenerator({ frequencies, cadence: [], level: -10 }, hearingRate).fill(
      out.subarray(from, from + samples(durationMs)),
    );
  }
  return out;
}

/** The Refer-To of an attended transfer to the call of another line (RFC 3891). */
function replacing({ call, name }: Phone): string {
  if (!call) throw new LabError('ERR_LAB', `${name} has no call to transfer to`);
  const replaces = `${call.callId};to-tag=${call.remoteTag};from-tag=${call.localTag}`;
  return `${call.remoteUri}?Replaces=${encodeURIComponent(replaces)}`;
}
