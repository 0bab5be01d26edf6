/** What a lab phone hears and receives: the questions a test asks of it. What they wait for makes time pass. */
import type { Timer } from '../../base/clock.ts';
import type { LabError } from '../errors.ts';
import { type HeardAudio, samplesPerMs } from '../hearing/heard-audio.ts';
import type { Reference } from '../hearing/reference.ts';
import { Search, usualTolerance } from '../hearing/search.ts';
import { isTone } from '../hearing/tone.ts';
import { type Segment, transcribe } from '../hearing/transcript.ts';
import { seconds } from '../time-line.ts';
import type { PhoneCall } from './call.ts';
import type { Line } from './line.ts';
import type { SipText } from './sip-text.ts';

/** What a phone needs of its lab. */
export interface PhoneLab {
  /** Lets time pass until `done`; false when it was not within so many ms. */
  until(done: () => boolean, withinMs: number): Promise<boolean>;
  /** Lets time pass until the work is done. */
  run<T>(work: Promise<T>): Promise<T>;
  reference(sound: string | URL | Int16Array): Promise<Reference>;
  /** All that were asked for, and what the servers have read. */
  references(): Promise<readonly Reference[]>;
  /** An error with the time line. @param listener whose ears are told of, too */
  failure(message: string, listener?: Listener): LabError;
  /** The error was expected: the lab goes on as if it had not been. */
  pardon(error: LabError): void;
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

export interface WaitOptions {
  /** How long to wait, ms; default 60,000. */
  readonly within?: number;
}

const patienceMs = 60_000;
const toneFrame = 40 * samplesPerMs;
const toneStep = 20 * samplesPerMs;

export class Listener {
  readonly name: string;
  protected readonly line: Line;
  protected readonly lab: PhoneLab;
  #taken = 0;
  #heardUntil: { readonly call: PhoneCall; readonly position: number } | undefined;
  #digitsTaken: { readonly call: PhoneCall | undefined; readonly count: number } | undefined;

  protected constructor(name: string, line: Line, lab: PhoneLab) {
    this.name = name;
    this.line = line;
    this.lab = lab;
  }

  /** The present call, or the last one. */
  get call(): PhoneCall | undefined {
    return this.line.call;
  }

  /** Every SIP message that came to this line, copies too. */
  get received(): readonly SipText[] {
    return this.line.received;
  }

  /** Digits heard in the present call, in whichever way they came. */
  get digits(): string {
    return this.line.digits;
  }

  /**
   * Waits until the sound has been heard, as the ear decides: the audio that came is compared with the source. Each
   * `hears…` goes on where the one before ended.
   * @throws LabError when it is not heard, with what was
   */
  async hears(sound: string | URL | Int16Array, options: HearsOptions = {}): Promise<Heard> {
    const { within = 10_000, ms } = options;
    const whole = await this.lab.reference(sound);
    const reference = ms === undefined ? whole : whole.head(ms);
    if (reference.isSilent) throw this.lab.failure(`${reference.name} has no sound in it: use hearsSilence()`);
    const { call, audio } = this.#listening();
    const tolerance = {
      similarity: options.similarity ?? usualTolerance.similarity,
      loss: options.loss ?? usualTolerance.loss,
    };
    const begin = this.#cursor(call);
    const search = new Search(reference, audio, begin, tolerance);
    const { clock } = this.line;
    const deadline = Math.max(clock.now(), audio.msOf(begin)) + within + reference.samples.length / samplesPerMs;
    let match: ReturnType<Search['look']>;
    await this.lab.until(
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
      throw this.lab.failure(`${this.name} did not hear ${reference.name} ${why} (${near})`, this);
    }
    const heard = {
      from: audio.msOf(match.from),
      to: audio.msOf(match.to),
      similarity: match.similarity,
      snrDb: match.snrDb,
      lostMs: match.lostMs,
    };
    this.#moveCursor(call, match.to);
    this.line.note('hears', `hears ${reference.name} from ${seconds(heard.from)} (${numbers(heard)})`);
    return heard;
  }

  /** Waits until there has been no sound for `ms`. @throws LabError when there is none `within` */
  async hearsSilence(ms = 1000, options: WaitOptions = {}): Promise<void> {
    const { call, audio } = this.#listening();
    const { clock } = this.line;
    const since = clock.now();
    const silent = (): boolean =>
      call.state === 'over' || clock.now() - Math.max(since, audio.msOf(audio.loudUntil)) >= ms;
    // Nothing need happen for silence to have lasted long enough.
    let tick: Timer | undefined;
    const look = (): void => {
      tick = clock.setTimer(20, look, 'phone');
    };
    look();
    const met = await this.lab.until(silent, options.within ?? 10_000 + ms);
    tick?.cancel();
    if (!met) throw this.lab.failure(`${this.name} did not hear ${ms} ms of silence`, this);
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
    await this.lab.until(heard, within + ms);
    if (at - from < wanted)
      throw this.lab.failure(`${this.name} did not hear a tone of ${frequencies.join(' + ')} Hz for ${ms} ms`, this);
    this.#moveCursor(call, at);
    this.line.note('hears', `hears a tone of ${frequencies.join(' + ')} Hz`);
    return { from: audio.msOf(from), to: audio.msOf(at) };
  }

  /** Waits until just these digits came, in whichever way. @throws LabError when others came, or too few */
  async hearsDigits(digits: string, options: WaitOptions = {}): Promise<void> {
    const taken = this.#digitsTaken?.call === this.call ? (this.#digitsTaken?.count ?? 0) : 0;
    const come = (): string => this.digits.slice(taken);
    await this.lab.until(() => come().length >= digits.length, options.within ?? patienceMs);
    if (!come().startsWith(digits))
      throw this.lab.failure(`${this.name} did not hear the digits ${digits}, but "${come()}"`, this);
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
    await this.until(look, options, `did not receive ${name}`);
    return found as unknown as SipText;
  }

  /** The audio of the present call, or the last one. */
  get audio(): HeardAudio {
    return this.mustHaveCall().media.ear.audio;
  }

  /** What was heard in the present call, or the last one, each stretch by its name. */
  async hearing(): Promise<readonly Segment[]> {
    const call = this.call;
    return call ? transcribe(call.media.ear.audio, await this.lab.references()) : [];
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

  /** An error of the lab about this phone, with what it heard and the time line. */
  failure(message: string): LabError {
    return this.lab.failure(message, this);
  }

  /** The error was expected, as by a matcher that is negated. */
  pardon(error: LabError): void {
    this.lab.pardon(error);
  }

  // ---- inside

  protected async until(done: () => boolean, { within = patienceMs }: WaitOptions, failure: string): Promise<void> {
    if (await this.lab.until(done, within)) return;
    throw this.lab.failure(`${this.name}: ${failure} within ${within / 1000} s`, this);
  }

  protected mustHaveCall(): PhoneCall {
    if (!this.call) throw this.lab.failure(`${this.name} has no call`);
    return this.call;
  }

  #listening(): { readonly call: PhoneCall; readonly audio: HeardAudio } {
    const call = this.mustHaveCall();
    return { call, audio: call.media.ear.audio };
  }

  #cursor(call: PhoneCall): number {
    return this.#heardUntil?.call === call ? this.#heardUntil.position : 0;
  }

  #moveCursor(call: PhoneCall, position: number): void {
    this.#heardUntil = { call, position };
  }
}

function numbers({ similarity, snrDb, lostMs }: Heard): string {
  return `correlation ${similarity.toFixed(3)}, SNR ${snrDb.toFixed(1)} dB, ${lostMs} ms missing`;
}
