/**
 * A phone of the lab, to be told what to do and to be asked what it hears. What it waits for makes time pass. One
 * phone has one call at a time; `line()` gives another line of the same phone.
 */
import { type Tone, ToneGenerator } from '../../../media/audio/index.ts';
import type { Timer } from '../../base/clock.ts';
import { LabError } from '../errors.ts';
import { type HeardAudio, hearingRate, samplesPerMs } from '../hearing/heard-audio.ts';
import type { Reference } from '../hearing/reference.ts';
import { Search, usualTolerance } from '../hearing/search.ts';
import { isTone } from '../hearing/tone.ts';
import { type Segment, transcribe } from '../hearing/transcript.ts';
import { between } from '../seeded-random.ts';
import { seconds } from '../time-line.ts';
import type { AnswerContent, InviteContent, PhoneCall, RequestContent } from './call.ts';
import type { IncomingPlan, Line } from './line.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { type PhoneDirection, payloadsFor } from './sdp.ts';
import { compose, type HeaderLine, SipText } from './sip-text.ts';
import type { Station } from './station.ts';
import type { Destination } from './wire.ts';

/** A WAV file by path or URL, 16-bit mono samples at 8 kHz, or a tone. */
export type Sound = string | URL | Int16Array | Tone;

/** What a phone needs of its lab. */
export interface PhoneLab {
  /** Lets time pass until `done`; false when it was not within so many ms. */
  until(done: () => boolean, withinMs: number): Promise<boolean>;
  /** Lets time pass until the work is done. */
  run<T>(work: Promise<T>): Promise<T>;
  reference(sound: string | URL | Int16Array): Promise<Reference>;
  /** All that were asked for, and what the servers have read. */
  references(): Promise<readonly Reference[]>;
  /** An error with the time line. @param phone whose ears are told of, too */
  failure(message: string, phone?: Phone): LabError;
  /** What a number or a URI without a host means. */
  uriFor(target: string, transport: 'udp' | 'tcp'): string;
}

export interface HearsOptions {
  /** It has to begin within so many ms from now, or from the end of what was heard before; default 10,000. */
  readonly within?: number;
  /** Only the first so many ms of it; default: the whole. */
  readonly ms?: number;
  /** Least correlation with the source; default 0.9. */
  readonly similarity?: number;
  /** Share of it that may be missing; default 0.1. */
  readonly loss?: number;
}

/** What was heard, in numbers. Times in ms since the lab's start. */
export interface Heard {
  readonly from: number;
  readonly to: number;
  /** Correlation with the source: 1 is the same but for its loudness. */
  readonly similarity: number;
  readonly snrDb: number;
  /** What was missing or something else. */
  readonly lostMs: number;
}

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

export interface WaitOptions {
  /** How long to wait, ms; default 60,000. */
  readonly within?: number;
}

const patienceMs = 60_000;
const toneFrame = 40 * samplesPerMs;
const toneStep = 20 * samplesPerMs;
const rows = [697, 770, 852, 941];
const columns = [1209, 1336, 1477, 1633];
const keys = '123A456B789C*0#D';

export class Phone {
  readonly name: string;
  readonly #station: Station;
  readonly #line: Line;
  readonly #lab: PhoneLab;
  #taken = 0;
  #heardUntil: { readonly call: PhoneCall; readonly position: number } | undefined;
  #digitsTaken: { readonly call: PhoneCall | undefined; readonly count: number } | undefined;

  /** Made by `Lab.phone`, not by users. */
  constructor(name: string, station: Station, lab: PhoneLab) {
    this.name = name;
    this.#station = station;
    this.#line = station.line(name);
    this.#lab = lab;
  }

  // ---- who it is

  /** Its address in the lab's network. */
  get address(): string {
    return this.#station.host.address;
  }

  /** How it is called: `sip:alice@10.0.1.1:5060`. */
  get uri(): string {
    return this.#line.contact;
  }

  /** Another line of this phone, for a second call: same address, same port. */
  line(): Phone {
    return new Phone(`${this.name}/${this.#station.lines.length + 1}`, this.#station, this.#lab);
  }

  /** The present call, or the last one. */
  get call(): PhoneCall | undefined {
    return this.#line.call;
  }

  /** Every SIP message that came to this line, copies too. */
  get received(): readonly SipText[] {
    return this.#line.received;
  }

  /** Digits heard in the present call, in whichever way they came. */
  get digits(): string {
    return this.#line.digits;
  }

  // ---- calling

  /**
   * Calls, and resolves when the call is up.
   * @param target a URI, or a number at the lab's first Tandem
   * @throws LabError when it is refused, or not answered `within`
   */
  async dial(target: string, options: InviteContent & WaitOptions = {}): Promise<void> {
    const call = this.invite(target, options);
    await this.#until(() => call.state !== 'calling', options, `${target} did not answer`);
    if (call.state === 'up') return;
    const { lastWord, status } = call;
    throw this.#lab.failure(`${this.name}'s call to ${target} failed: ${lastWord?.startLine ?? status}`, this);
  }

  /** Sends an INVITE and waits for nothing. */
  invite(target: string, content: InviteContent = {}): PhoneCall {
    if (this.#line.isBusy) throw this.#lab.failure(`${this.name} has a call already: use line() for another`);
    const uri = this.#lab.uriFor(target, this.#line.transport);
    const to = this.#line.resolve(uri);
    if (!to) throw this.#lab.failure(`${this.name} cannot call ${uri}: the lab has no such host`);
    this.#line.note('phone', `calls ${uri}`);
    return this.#line.dial(uri, to, content);
  }

  /** CANCEL. Resolves when the call is over, or was answered first and has been hung up. */
  async cancel(): Promise<void> {
    const call = this.#mustHaveCall();
    call.cancel();
    await this.#until(() => call.state === 'over', {}, 'the cancelled call did not end');
  }

  // ---- being called

  /** What it does with calls that come in; by default it rings until it is told to answer. */
  set onCall(plan: IncomingPlan) {
    this.#line.plan = plan;
  }

  /** Waits for a call to come in, and resolves with its INVITE. */
  async rings(options: WaitOptions = {}): Promise<SipText> {
    await this.#until(() => this.call?.state === 'ringing', options, 'nobody called');
    return this.#mustHaveCall().invite;
  }

  /** 180, 183 and the like; `sdp` makes it early media. */
  progress(status: number, content: AnswerContent = {}): void {
    this.#mustHaveCall().provisional(status, content);
  }

  /** 200 to the call that rings; resolves when its ACK is in. */
  async answer(content: AnswerContent & WaitOptions = {}): Promise<void> {
    const call = this.#mustHaveCall();
    call.accept(content);
    await this.#until(() => call.state !== 'ringing', content, 'the answer was not acknowledged');
    if (call.state !== 'up') throw this.#lab.failure(`${this.name} could not answer: the call is over`, this);
  }

  reject(status = 486, reason?: string, headers: readonly HeaderLine[] = []): void {
    this.#mustHaveCall().reject(status, reason, headers);
  }

  // ---- in the call

  /** Resolves when a call is up, whoever called. */
  async isUp(options: WaitOptions = {}): Promise<void> {
    await this.#until(() => this.call?.state === 'up', options, 'no call is up');
  }

  /** Ends the call in the way its state asks for: CANCEL, a refusal, or BYE, and then waits for its response. */
  async hangup(): Promise<void> {
    const call = this.#mustHaveCall();
    if (call.state === 'calling') await this.cancel();
    else if (call.state === 'ringing') call.reject(480);
    else if (call.state === 'up') {
      this.#line.note('phone', 'hangs up');
      await this.#lab.run(call.bye());
    }
  }

  /** Waits for the far end to hang up. Resolves with its BYE or CANCEL, or the refusal of our INVITE. */
  async ends(options: WaitOptions = {}): Promise<SipText | undefined> {
    const call = this.#mustHaveCall();
    await this.#until(() => call.state === 'over', options, 'the call did not end');
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
    const call = this.#mustHaveCall();
    const { codecs, ...rest } = options;
    const content = codecs ? { ...rest, payloads: payloadsFor(codecs) } : rest;
    const ask = async (): Promise<SipText | undefined> => {
      for (let attempt = 0; ; attempt++) {
        const response = await call.reInvite(content);
        if (response?.status !== 491 || attempt === 4 || call.state !== 'up') return response;
        // RFC 3261 §14.1
        const units =
          call.role === 'caller' ? between(this.#line.random, 210, 400) : between(this.#line.random, 0, 200);
        await this.#pass(units * 10);
      }
    };
    const response = await this.#lab.run(ask());
    if (!response) throw this.#lab.failure(`nobody answered the re-INVITE of ${this.name}`, this);
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
    const response = await this.#lab.run(this.#mustHaveCall().request(method, content));
    if (!response) throw this.#lab.failure(`nobody answered the ${method} of ${this.name}`, this);
    return response;
  }

  /**
   * REFER, blind to a URI or attended to the call of another line of this phone.
   * @returns how it went: the last status that NOTIFY told, or the refusal of the REFER
   */
  async transfer(to: string | Phone, options: WaitOptions = {}): Promise<number> {
    const target = typeof to === 'string' ? this.#lab.uriFor(to, this.#line.transport) : replacing(to);
    const from = this.received.length;
    const response = await this.request('REFER', { headers: [['Refer-To', `<${target}>`]] });
    if (response.status >= 300) return response.status;
    let status = 0;
    const told = (): boolean => {
      for (const { method, body } of this.received.slice(from))
        if (method === 'NOTIFY') status = Number(/^SIP\/2\.0 (\d{3})/.exec(body)?.[1] ?? 0);
      return status >= 200;
    };
    await this.#until(told, options, 'nobody told how the transfer went');
    return status;
  }

  /** A request outside of any call, such as OPTIONS: resolves with its final response. */
  async ask(method: string, target: string, content: RequestContent = {}): Promise<SipText> {
    const uri = this.#lab.uriFor(target, this.#line.transport);
    const to = this.#line.resolve(uri);
    if (!to) throw this.#lab.failure(`${this.name} cannot reach ${uri}: the lab has no such host`);
    const { headers = [], type, body = '' } = content;
    const id = this.#line.random.uint32().toString(16);
    const lines: HeaderLine[] = [
      ['Via', this.#line.via(to.transport)],
      ['Max-Forwards', '70'],
      ['From', `<${this.#line.uri}>;tag=${id}`],
      ['To', `<${uri}>`],
      ['Call-ID', `${id}@${this.address}`],
      ['CSeq', `1 ${method}`],
      ['Contact', `<${this.uri}>`],
      ...headers,
      ...(type === undefined ? [] : [['Content-Type', type] as const]),
    ];
    const request = new SipText(compose(`${method} ${uri} SIP/2.0`, lines, body), this.#line.clock.now());
    const answered = new Promise<SipText | undefined>((resolve) => {
      this.#line.exchange(request, to, (response) => {
        if (!response || response.status >= 200) resolve(response);
      });
    });
    const response = await this.#lab.run(answered);
    if (!response) throw this.#lab.failure(`nobody answered the ${method} of ${this.name}`, this);
    return response;
  }

  // ---- speaking

  /** Presses keys, and resolves when the last is released. */
  async press(digits: string, options: PressOptions = {}): Promise<void> {
    const { by = 'rfc4733', durationMs = 100, gapMs = 100, infoType = 'application/dtmf-relay' } = options;
    const call = this.#mustBeUp();
    this.#line.note('dtmf', `presses ${digits} (${by})`);
    if (by === 'rfc4733') {
      if (!call.media.mouth.canPress)
        throw this.#lab.failure(`${this.name} cannot press ${digits}: no telephone-event was agreed on`);
      await this.#lab.run(call.media.mouth.press(digits, durationMs, gapMs));
    } else if (by === 'inband') await this.#lab.run(call.media.mouth.say(dialled(digits, durationMs, gapMs)));
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
    this.#line.note('phone', `says ${labelOf(sound)}`);
    await this.#lab.run(call.media.mouth.say(samples));
  }

  /** Begins to say it, and waits for nothing; what was being said is cut off. */
  async speak(sound: Sound): Promise<void> {
    const call = this.#mustBeUp();
    const samples = await this.#samples(sound);
    this.#line.note('phone', `begins to say ${labelOf(sound)}`);
    void call.media.mouth.say(samples);
  }

  /** Ends what it is saying; silence is sent then, as phones do. */
  hush(): void {
    this.call?.media.mouth.hush();
  }

  /** Sends no RTP any more, not even silence. @param on false: again */
  goSilent(on = true): void {
    const { mouth } = this.#mustHaveCall().media;
    this.#line.note('phone', on ? 'goes silent: no RTP' : 'sends RTP again');
    if (on) mouth.hush();
    mouth.talk(!on);
  }

  /** The network cable is pulled: nothing goes out, nothing comes in, nobody is told. */
  vanish(): void {
    this.#station.note('network', this.name, 'is gone from the network');
    this.#station.host.online = false;
  }

  comeBack(): void {
    this.#station.note('network', this.name, 'is back');
    this.#station.host.online = true;
  }

  // ---- wrong on purpose

  /** What it does wrong from now on; what is not named goes on as it was. `{}` changes nothing. */
  misbehave(how: Misbehaviour): void {
    this.#line.misbehaviour = { ...this.#line.misbehaviour, ...how };
    this.#line.note('phone', `misbehaves: ${Object.keys(how).join(', ')}`);
  }

  /** Does everything right again. */
  behave(): void {
    this.#line.behave();
  }

  /** Sends any text as it is, say a message that is malformed. @param to default: where the call's messages go */
  send(text: string, to: Destination | string): void {
    const target = typeof to === 'string' ? this.#line.resolve(this.#lab.uriFor(to, this.#line.transport)) : to;
    if (!target) throw this.#lab.failure(`${this.name} cannot send to ${String(to)}: the lab has no such host`);
    this.#station.transmit(text, target);
  }

  /** A TCP connection of its own to a peer: to write half a message to, to leave unread, to break off. */
  connect(target: string): ReturnType<Station['wire']['connect']> {
    const to = this.#line.resolve(this.#lab.uriFor(target, 'tcp'));
    if (!to) throw this.#lab.failure(`${this.name} cannot connect to ${target}: the lab has no such host`);
    return this.#station.wire.connect(to);
  }

  // ---- what it hears

  /**
   * Waits until the sound has been heard, as the ear decides: the audio that came is compared with the source. Each
   * `hears…` goes on where the one before ended.
   * @throws LabError when it is not heard, with what was
   */
  async hears(sound: string | URL | Int16Array, options: HearsOptions = {}): Promise<Heard> {
    const { within = 10_000, ms } = options;
    const whole = await this.#lab.reference(sound);
    const reference = ms === undefined ? whole : whole.head(ms);
    if (reference.isSilent) throw this.#lab.failure(`${reference.name} has no sound in it: use hearsSilence()`);
    const { call, audio } = this.#listening();
    const tolerance = {
      similarity: options.similarity ?? usualTolerance.similarity,
      loss: options.loss ?? usualTolerance.loss,
    };
    const begin = this.#cursor(call);
    const search = new Search(reference, audio, begin, tolerance);
    const { clock } = this.#line;
    const deadline = Math.max(clock.now(), audio.msOf(begin)) + within + reference.samples.length / samplesPerMs;
    let match: ReturnType<Search['look']>;
    await this.#lab.until(
      () => {
        const last = call.state === 'over' || clock.now() >= deadline;
        match = search.look(last ? audio.end : audio.settledAt(clock.now()), last);
        return match !== undefined || last;
      },
      deadline - clock.now() + 1,
    );
    if (!match) {
      const { best } = search;
      const near = best
        ? `nearest: correlation ${best.similarity.toFixed(2)} at ${seconds(audio.msOf(best.from))} s, ` +
          `${best.lostMs} of ${best.soundMs} ms missing or different`
        : 'nothing like it';
      const why = call.state === 'over' ? 'before the call was over' : `within ${within / 1000} s`;
      throw this.#lab.failure(`${this.name} did not hear ${reference.name} ${why} (${near})`, this);
    }
    const heard = {
      from: audio.msOf(match.from),
      to: audio.msOf(match.to),
      similarity: match.similarity,
      snrDb: match.snrDb,
      lostMs: match.lostMs,
    };
    this.#moveCursor(call, match.to);
    this.#station.note('hears', this.name, `hears ${reference.name} from ${seconds(heard.from)} (${numbers(heard)})`);
    return heard;
  }

  /** Waits until there has been no sound for `ms`. @throws LabError when there is none `within` */
  async hearsSilence(ms = 1000, options: WaitOptions = {}): Promise<void> {
    const { call, audio } = this.#listening();
    const { clock } = this.#line;
    const since = clock.now();
    const silent = (): boolean =>
      call.state === 'over' || clock.now() - Math.max(since, audio.msOf(audio.loudUntil)) >= ms;
    // Nothing need happen for silence to have lasted long enough.
    let tick: Timer | undefined;
    const look = (): void => {
      tick = clock.setTimer(20, look, 'phone');
    };
    look();
    const met = await this.#lab.until(silent, options.within ?? 10_000 + ms);
    tick?.cancel();
    if (!met) throw this.#lab.failure(`${this.name} did not hear ${ms} ms of silence`, this);
    this.#moveCursor(call, audio.settledAt(clock.now()));
  }

  /**
   * Waits for a tone: these frequencies (Hz) and nothing else, for `ms` (default 200).
   * @throws LabError when it is not heard `within` (default 10,000)
   */
  async hearsTone(
    frequency: number | readonly number[],
    options: WaitOptions & { readonly ms?: number } = {},
  ): Promise<{ readonly from: number; readonly to: number }> {
    const frequencies = typeof frequency === 'number' ? [frequency] : frequency;
    const { ms = 200, within = 10_000 } = options;
    const { call, audio } = this.#listening();
    const wanted = ms * samplesPerMs;
    let at = this.#cursor(call);
    let from = at;
    const heard = (): boolean => {
      for (; at + toneFrame <= audio.end && at - from < wanted; at += toneStep)
        if (!isTone(audio.samples(at, at + toneFrame), frequencies)) from = at + toneStep;
      return at - from >= wanted || call.state === 'over';
    };
    await this.#lab.until(heard, within + ms);
    if (at - from < wanted)
      throw this.#lab.failure(`${this.name} did not hear a tone of ${frequencies.join(' + ')} Hz for ${ms} ms`, this);
    this.#moveCursor(call, at);
    this.#station.note('hears', this.name, `hears a tone of ${frequencies.join(' + ')} Hz`);
    return { from: audio.msOf(from), to: audio.msOf(at) };
  }

  /** Waits until just these digits came, in whichever way. @throws LabError when others came, or too few */
  async hearsDigits(digits: string, options: WaitOptions = {}): Promise<void> {
    const taken = this.#digitsTaken?.call === this.call ? (this.#digitsTaken?.count ?? 0) : 0;
    const come = (): string => this.digits.slice(taken);
    await this.#lab.until(() => come().length >= digits.length, options.within ?? patienceMs);
    if (!come().startsWith(digits))
      throw this.#lab.failure(`${this.name} did not hear the digits ${digits}, but "${come()}"`, this);
    this.#digitsTaken = { call: this.call, count: taken + digits.length };
  }

  /**
   * Waits for a SIP message, the first that matches after the one that was waited for before.
   * @param what `'INVITE'`, `180`, or what it looks for
   */
  async receives(what: string | number | ((message: SipText) => boolean), options: WaitOptions = {}): Promise<SipText> {
    const matches = typeof what === 'function' ? what : (message: SipText): boolean => message.what === String(what);
    let found: SipText | undefined;
    const look = (): boolean => {
      for (; this.#taken < this.received.length && !found; this.#taken++) {
        const message = this.received[this.#taken] as SipText;
        if (matches(message)) found = message;
      }
      return found !== undefined;
    };
    const name = typeof what === 'function' ? 'the message' : what;
    await this.#until(look, options, `did not receive ${name}`);
    return found as unknown as SipText;
  }

  /** The audio of the present call, or the last one. */
  get audio(): HeardAudio {
    return this.#mustHaveCall().media.ear.audio;
  }

  /** What was heard in the present call, or the last one, each stretch by its name. */
  async hearing(): Promise<readonly Segment[]> {
    const call = this.call;
    return call ? transcribe(call.media.ear.audio, await this.#lab.references()) : [];
  }

  /** What was heard, in a few lines, for an error. */
  describeHearing(references: readonly Reference[]): string {
    const { call } = this;
    const heard = call ? transcribe(call.media.ear.audio, references) : [];
    if (heard.length === 0) return `${this.name} heard nothing`;
    const lines = heard.map(({ from, to, what }) => `${seconds(from).padStart(11)}  ${what}, until ${seconds(to)}`);
    return [`${this.name} heard`, ...lines].join('\n');
  }

  /** All that was said to it, SIP and audio, on one time line. */
  async transcript(): Promise<string> {
    const sip = this.received.map((message) => ({
      at: message.at,
      text: `${message.startLine}${message.body === '' ? '' : ` [${message.header('content-type')}]`}`,
    }));
    const audio = (await this.hearing()).map(({ from, to, what }) => ({
      at: from,
      text: `hears ${what} until ${seconds(to)}`,
    }));
    return [...sip, ...audio]
      .sort((a, b) => a.at - b.at)
      .map(({ at, text }) => `${seconds(at).padStart(11)}  ${text}`)
      .join('\n');
  }

  // ---- inside

  async #until(done: () => boolean, { within = patienceMs }: WaitOptions, failure: string): Promise<void> {
    if (await this.#lab.until(done, within)) return;
    throw this.#lab.failure(`${this.name}: ${failure} within ${within / 1000} s`, this);
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.#line.clock.setTimer(ms, resolve, 'phone'));
  }

  #mustHaveCall(): PhoneCall {
    if (!this.call) throw this.#lab.failure(`${this.name} has no call`);
    return this.call;
  }

  #mustBeUp(): PhoneCall {
    const call = this.#mustHaveCall();
    if (call.state !== 'over') return call;
    throw this.#lab.failure(`${this.name}'s call is over`, this);
  }

  #mustAccept(what: string, response: SipText): void {
    if (response.status < 300) return;
    throw this.#lab.failure(`${this.name} could not ${what}: ${response.startLine}`, this);
  }

  #listening(): { readonly call: PhoneCall; readonly audio: HeardAudio } {
    const call = this.#mustHaveCall();
    return { call, audio: call.media.ear.audio };
  }

  #cursor(call: PhoneCall): number {
    return this.#heardUntil?.call === call ? this.#heardUntil.position : 0;
  }

  #moveCursor(call: PhoneCall, position: number): void {
    this.#heardUntil = { call, position };
  }

  async #samples(sound: Sound): Promise<Int16Array | Tone> {
    if (sound instanceof Int16Array || isToneSound(sound)) return sound;
    return (await this.#lab.reference(sound)).samples;
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

function numbers({ similarity, snrDb, lostMs }: Heard): string {
  return `correlation ${similarity.toFixed(3)}, SNR ${snrDb.toFixed(1)} dB, ${lostMs} ms missing`;
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
