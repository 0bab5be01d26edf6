/** What a lab phone hears and receives: the questions a test asks of it. What they wait for makes time pass. */
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
  /** It has to be over so many ms after it would be if it began now, or behind what was heard before; default 10,000. */
  readonly within?: number;
  /** Only the first so many ms of it; default: the whole. */
  readonly ms?: number;
  /** Least correlation with the source; default 0.9. */
  readonly similarity?: number;
  /** Share of it, and of any second of it, that may be missing; default 0.1. */
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
const hearsWithinMs = 10_000;
const toneFrame = 40 * samplesPerMs;
const toneStep = 20 * samplesPerMs;

export class Listener {
  readonly name: string;
  protected readonly line: Line;
  protected readonly lab: PhoneLab;
  /** Where the next question begins: in `received`, and by call in its audio and its digits. */
  #receivedUntil = 0;
  #heardUntil = new WeakMap<PhoneCall, number>();
  #digitsUntil = new WeakMap<PhoneCall, number>();

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
    return this.call?.digits ?? '';
  }

  /**
   * Waits until the sound has been heard, as the ear decides: the audio that came is compared with the source. Each
   * `hears…` goes on where the one before ended; two at the same time begin at the same place.
   * @throws LabError when it is not heard, with what was
   */
  async hears(sound: string | URL | Int16Array, options: HearsOptions = {}): Promise<Heard> {
    const { within = hearsWithinMs, ms } = options;
    const { call, audio, from } = this.#listening();
    const whole = await this.lab.reference(sound);
    const reference = ms === undefined ? whole : whole.head(ms);
    if (reference.isSilent) throw this.failure(`${reference.name} has no sound in it: use hearsSilence()`);
    const tolerance = {
      similarity: options.similarity ?? usualTolerance.similarity,
      loss: options.loss ?? usualTolerance.loss,
    };
    const search = new Search(reference, audio, from, tolerance);
    const { clock } = this.line;
    const deadline = Math.max(clock.now(), audio.msOf(from)) + within + reference.samples.length / samplesPerMs;
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
      throw this.failure(`${this.name} did not hear ${reference.name} ${limit(call, within)} (${near})`);
    }
    const heard = {
      from: audio.msOf(match.from),
      to: audio.msOf(match.to),
      similarity: match.similarity,
      snrDb: match.snrDb,
      lostMs: match.lostMs,
    };
    this.#goOn(call, match.to);
    this.line.note('hears', `hears ${reference.name} from ${seconds(heard.from)} (${numbers(heard)})`);
    return heard;
  }

  /**
   * Waits until there has been no sound for `ms`, from now on.
   * @throws LabError when there is none `within` (default 10,000 ms and `ms`), or the call is over before that
   */
  async hearsSilence(ms = 1000, { within = hearsWithinMs + ms }: WaitOptions = {}): Promise<void> {
    const { call, audio } = this.#listening();
    const { clock } = this.line;
    const since = clock.now();
    const silentMs = (): number => clock.now() - Math.max(since, audio.msOf(audio.loudUntil));
    while (silentMs() < ms && clock.now() < since + within && call.state !== 'over')
      await this.lab.until(() => call.state === 'over', Math.min(ms - silentMs(), since + within - clock.now()));
    if (silentMs() < ms) throw this.failure(`${this.name} did not hear ${ms} ms of silence ${limit(call, within)}`);
    this.#goOn(call, audio.settledAt(clock.now()));
    this.line.note('hears', `hears silence for ${ms} ms`);
  }

  /**
   * Waits for a tone: these frequencies (Hz) and nothing else, for `ms` (default 200).
   * @returns where it was heard, ms since the lab's start; it may go on behind that
   * @throws LabError when it does not begin `within` (default 10,000 ms)
   */
  async hearsTone(
    frequency: number | readonly number[],
    { ms = 200, within = hearsWithinMs }: WaitOptions & { readonly ms?: number } = {},
  ): Promise<{ readonly from: number; readonly to: number }> {
    const frequencies = typeof frequency === 'number' ? [frequency] : frequency;
    const name = `a tone of ${frequencies.join(' + ')} Hz`;
    const { call, audio, from: begin } = this.#listening();
    const wanted = ms * samplesPerMs;
    let [from, at] = [begin, begin];
    const heard = (): boolean => {
      // A packet that is late has its place yet.
      const end = call.state === 'over' ? audio.end : audio.settledAt(this.line.clock.now());
      for (; at + toneFrame <= end && at - from < wanted; at += toneStep)
        if (!isTone(audio.samples(at, at + toneFrame), frequencies)) from = at + toneStep;
      return at - from >= wanted;
    };
    await this.lab.until(() => heard() || call.state === 'over', within + ms);
    if (!heard()) throw this.failure(`${this.name} did not hear ${name} for ${ms} ms ${limit(call, within)}`);
    this.#goOn(call, at);
    this.line.note('hears', `hears ${name} from ${seconds(audio.msOf(from))}`);
    return { from: audio.msOf(from), to: audio.msOf(at) };
  }

  /**
   * Waits until just these digits came, in whichever way. Goes on where the one before ended.
   * @throws LabError as soon as another came, or when they are too few `within` (default 60,000 ms)
   */
  async hearsDigits(digits: string, { within = patienceMs }: WaitOptions = {}): Promise<void> {
    const call = this.mustHaveCall();
    const begin = this.#digitsUntil.get(call) ?? 0;
    const come = (): string => call.digits.slice(begin, begin + digits.length);
    const decided = (): boolean => come().length >= digits.length || !digits.startsWith(come());
    await this.lab.until(() => decided() || call.state === 'over', within);
    if (!digits.startsWith(come())) throw this.failure(`${this.name} heard the digits ${come()}, not ${digits}`);
    if (come() !== digits)
      throw this.failure(`${this.name} did not hear the digits ${digits} ${limit(call, within)}, but "${come()}"`);
    this.#digitsUntil.set(call, Math.max(this.#digitsUntil.get(call) ?? 0, begin + digits.length));
  }

  /**
   * Waits for a SIP message, the first that matches after the one that was waited for before; two waits at the same
   * time begin at the same place. The end of the call ends no wait: messages come after it, too.
   * @param what `'INVITE'`, `180`, or what it looks for
   * @throws LabError when it does not come `within` (default 60,000 ms)
   */
  async receives(what: string | number | ((message: SipText) => boolean), options: WaitOptions = {}): Promise<SipText> {
    const matches = typeof what === 'function' ? what : (message: SipText): boolean => message.what === String(what);
    let at = this.#receivedUntil;
    const look = (): boolean => {
      while (at < this.received.length && !matches(this.received[at] as SipText)) at++;
      return at < this.received.length;
    };
    await this.until(look, options, `did not receive ${typeof what === 'function' ? 'the message' : what}`);
    this.#receivedUntil = Math.max(this.#receivedUntil, at + 1);
    return this.received[at] as SipText;
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

  #listening(): { readonly call: PhoneCall; readonly audio: HeardAudio; readonly from: number } {
    const call = this.mustHaveCall();
    return { call, audio: call.media.ear.audio, from: this.#heardUntil.get(call) ?? 0 };
  }

  #goOn(call: PhoneCall, position: number): void {
    this.#heardUntil.set(call, Math.max(this.#heardUntil.get(call) ?? 0, position));
  }
}

function limit(call: PhoneCall, within: number): string {
  return call.state === 'over' ? 'before the call was over' : `within ${within / 1000} s`;
}

function numbers({ similarity, snrDb, lostMs }: Heard): string {
  return `correlation ${similarity.toFixed(3)}, SNR ${snrDb.toFixed(1)} dB, ${lostMs} ms missing`;
}
