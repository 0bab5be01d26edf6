/** What a script does with the audio of a call: it plays, records, listens, and takes and sends digits. */
import type {
  AnalysisHandle,
  AudioReader,
  AudioWriter,
  MediaLeg,
  PlayResult,
  PlaySource,
  RecordingHandle,
  RecordingResult,
  RecordTarget,
  Tone,
} from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import {
  detectMachine,
  type HeardTone,
  listenForSpeech,
  listenForTones,
  type MachineOptions,
  type MachineResult,
  type SpeechEvent,
  type ToneOptions,
  type VadOptions,
} from './analysis.ts';
import { bargeInBy, type OnBargeIn } from './barge-in.ts';
import { askConsent, consentVariable } from './consent.ts';
import type { DialogMedia } from './dialog-media.ts';
import { type Activity, type ActivityFacts, type ActivityName, type BeginActivity, followed } from './follower.ts';
import type { GatherResult } from './gather.ts';
import { gatherSpeech } from './gather-speech.ts';
import type { DtmfDigit } from './keypad.ts';
import { Playback, PlaybackControl, Ringtone, type SayOptions } from './playback.ts';
import { Recording } from './recording.ts';
import type { SessionDigits } from './session-digits.ts';
import type {
  CallRecordOptions,
  SendDtmfOptions,
  SessionGatherOptions,
  SessionRecordOptions,
  SessionState,
} from './session-options.ts';
import { type SttProvider, type TranscribeOptions, type Transcript, transcribe } from './transcribe.ts';

export abstract class CallAudio {
  abstract readonly state: SessionState;
  /** Aborted when the call ends. */
  abstract readonly signal: AbortSignal;
  abstract readonly media: DialogMedia;
  protected abstract readonly digits: SessionDigits;
  protected abstract readonly clock: Clock;
  protected abstract readonly stt: SttProvider | undefined;
  readonly #recordedTo = new Set<string>();
  /** A leg's meter goes with it. */
  #meter: { readonly leg: MediaLeg; readonly handle: AnalysisHandle } | undefined;
  protected abstract recordingFailed(error: unknown): void;
  abstract readonly variables: Map<string, string>;
  /** Plays it to all who are in the call. */
  protected abstract announce(source: PlaySource, signal: AbortSignal | undefined): Promise<void>;
  /** Keys of those who are in the call. @returns how to forget it */
  protected abstract watchKeys(pressed: (digit: string) => void): () => void;
  protected abstract recordingStarted(path: string): void;
  protected abstract recordingEnded(path: string, result: RecordingResult | undefined): void;
  /** @internal What its snapshot says is another thing now. */
  abstract noteChange(): void;
  /** @internal See `CallFollower`. */
  abstract activity(name: ActivityName, facts: ActivityFacts): Activity | undefined;

  /** For what begins now. Throws DialogEndedError: a handler that plays on and on must end with its call. */
  get #leg(): MediaLeg {
    this.signal.throwIfAborted();
    return this.media.ready;
  }

  readonly #onBargeIn: OnBargeIn = (what, stop) => bargeInBy(this.#leg, this.digits, what, stop);
  readonly #begin: BeginActivity = (name, facts) => this.activity(name, facts);

  playback(): Playback {
    return new Playback(() => this.#leg, this.#onBargeIn, this.#begin);
  }

  playbackControl(): PlaybackControl {
    return new PlaybackControl(() => this.#leg, this.#onBargeIn, this.#begin);
  }

  /**
   * Says a text, as `playback().play({ say: text })`.
   * @throws TandemError ERR_TTS; else as `Playback.play`
   */
  async say(text: string, { voice, language, ...options }: SayOptions = {}): Promise<PlayResult> {
    const how = { ...(voice === undefined ? {} : { voice }), ...(language === undefined ? {} : { language }) };
    return this.playback().play({ say: text, ...how }, options);
  }

  /** @param tone default: European ringback. */
  ringtone(tone?: Tone): Ringtone {
    return new Ringtone(() => this.#leg, tone);
  }

  /** Paths of all that was recorded of this leg. */
  get recordedTo(): readonly string[] {
    return [...this.#recordedTo];
  }

  protected noteRecording(path: string): void {
    this.#recordedTo.add(path);
    this.noteChange();
  }

  /**
   * Records when those in the call were told of it (`announce`), or asked (`consent`). What came of it is the variable
   * `recording_consent`: `announced`, `accepted`, `refused` or `silent`.
   * @returns undefined when the peer does not want it
   * @throws as `gather` and `recording`
   */
  async record(
    target: RecordTarget,
    { consent, announce, ...options }: CallRecordOptions = {},
  ): Promise<Recording | undefined> {
    const { signal } = options;
    if (announce !== undefined) await this.announce(announce, signal);
    const said = consent && (await askConsent((how) => this.gather(how), consent, signal));
    const result = said ?? (announce === undefined ? undefined : 'announced');
    if (result) this.variables.set(consentVariable, result);
    return result === 'refused' || result === 'silent' ? undefined : this.recording(target, options);
  }

  protected followRecording(path: string, done: Promise<RecordingResult>): void {
    done.then(
      (result) => this.recordingEnded(path, result),
      () => this.recordingEnded(path, undefined),
    );
  }

  /** Recordings to files that run now; one of an earlier process goes on by itself, and is closed here if need be. */
  get recordings(): readonly RecordingHandle[] {
    return this.#leg.recordings;
  }

  /** Records from now on. See `Recording`; `target` is a path, a FileHandle or a Writable. */
  recording(target: RecordTarget, options: SessionRecordOptions = {}): Recording {
    const leg = this.#leg;
    const recording = new Recording(leg, target, options, {
      failed: (error) => this.recordingFailed(error),
      keys: (pressed) => this.watchKeys(pressed),
    });
    if (this.digits.secret) restAll(leg, true);
    if (typeof target === 'string') {
      this.noteRecording(target);
      this.recordingStarted(target);
      this.followRecording(target, recording.done);
    }
    followRecording(this.activity('record', typeof target === 'string' ? { path: target } : {}), recording);
    return recording;
  }

  /**
   * Sends every payload back as it came, until the call ends or `signal` is aborted. Called before
   * `answer()` it begins with the first packet: `const over = call.echo(); await call.answer(); await over;`
   */
  async echo(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const stop = options.signal ? AbortSignal.any([this.signal, options.signal]) : this.signal;
    this.media.whenSettled((leg) => {
      if (!stop.aborted) leg.echo(true);
    });
    await aborted(stop);
    if (this.state !== 'ended') this.media.leg?.echo(false);
  }

  /** Decoded audio from the peer: Int16 mono frames of 20 ms at `sampleRate` (default 8000). */
  audioReader(options: { readonly sampleRate?: number } = {}): AudioReader {
    return this.#leg.reader(options);
  }

  /** Audio to the peer: Int16 mono at `sampleRate` (default 8000). */
  audioWriter(options: { readonly sampleRate?: number } = {}): AudioWriter {
    return this.#leg.writer(options);
  }

  // ---- what is heard

  /**
   * When the peer speaks: the beginning and the end of each turn. Ends with the call; leaving the loop stops listening.
   * @throws TandemError ERR_ARGUMENT, ERR_NO_MEDIA
   */
  vad(options: VadOptions = {}): AsyncIterableIterator<SpeechEvent> {
    return listenForSpeech(this.#leg, options);
  }

  /**
   * Tones of the network, of fax and answering machines. Ends with the call; leaving the loop stops listening.
   * @throws TandemError ERR_ARGUMENT, ERR_NO_MEDIA
   */
  tones(options: ToneOptions = {}): AsyncIterableIterator<HeardTone> {
    return listenForTones(this.#leg, options);
  }

  /**
   * Whether a person or a machine has answered, to be asked right after the answer. With a machine it resolves when its
   * beep is over, or none is to be expected any more. An estimate: see the guide for how often it is right.
   * @throws TandemError ERR_ARGUMENT, ERR_NO_MEDIA; DialogEndedError, the signal's reason
   */
  async detectMachine(options: MachineOptions = {}): Promise<MachineResult> {
    const { signal } = options;
    return detectMachine(this.#leg, options, signal ? AbortSignal.any([this.signal, signal]) : this.signal);
  }

  /**
   * What the peer says, as text, by `TandemOptions.stt`. Ends with the call; leaving the loop stops listening.
   * @throws TandemError ERR_STT, ERR_NO_MEDIA
   */
  transcribe({ language, signal }: TranscribeOptions = {}): AsyncGenerator<Transcript, void, void> {
    return transcribe(
      this.stt,
      (sampleRate) => this.audioReader({ sampleRate }),
      () => this.clock.wallclock(),
      { language, signal: signal ? AbortSignal.any([this.signal, signal]) : this.signal },
    );
  }

  /** Whether `stats()` tells how loud both sides are. @throws TandemError ERR_NO_MEDIA */
  meterLevels(on = true): void {
    const leg = this.#leg;
    if (this.#meter?.leg !== leg) this.#meter = undefined;
    if (on) this.#meter ??= { leg, handle: leg.analyse({ kind: 'level' }, { onFound: () => {}, onOver: () => {} }) };
    else {
      this.#meter?.handle.stop();
      this.#meter = undefined;
    }
  }

  // ---- DTMF

  /** Digits as they are pressed. Ends with the call; leaving the loop stops listening. */
  dtmf(): AsyncIterableIterator<DtmfDigit> {
    return this.digits.listen();
  }

  /**
   * Sends digits: with the audio (RFC 4733), by INFO (`application/dtmf-relay`, `application/dtmf`), or as tones in the
   * audio. Resolves when they are out, by INFO when the last was answered.
   * @param options.via default: with the audio where telephone-event was agreed on, else by INFO where the peer takes it,
   * else as tones
   * @throws TandemError ERR_DTMF_DIGIT, ERR_DTMF_UNAVAILABLE; DialogResponseError when an INFO is refused
   */
  async sendDtmf(digits: string, options: SendDtmfOptions = {}): Promise<void> {
    await this.digits.send(digits, this.#leg, this.media.audio, options);
  }

  /**
   * Collects digits. What was pressed since the last `gather` counts, so that nobody has to wait for
   * a prompt's end.
   * @throws DialogEndedError when the call ends meanwhile, or the signal's reason; TandemError ERR_STT with `speech`
   */
  gather(options: SessionGatherOptions = {}): Promise<GatherResult> {
    return followed(
      this.activity('gather', {}),
      () => (options.secret ? this.#secretGather(options) : this.#gather(options)),
      ({ end, digits: { length } }) => ({ end, length }),
    );
  }

  async #secretGather(options: SessionGatherOptions): Promise<GatherResult> {
    const leg = this.#leg;
    this.digits.secret = true;
    restAll(leg, true);
    try {
      return await this.#gather(options);
    } finally {
      this.digits.secret = false;
      if (this.media.leg) restAll(this.media.leg, false);
    }
  }

  async #gather(options: SessionGatherOptions): Promise<GatherResult> {
    const { speech, signal, ...keys } = options;
    if (!speech) return this.digits.gather(options, this.signal, this.playback());
    const how = speech === true ? {} : speech;
    const until = (stop: AbortSignal) => (signal ? AbortSignal.any([signal, stop]) : stop);
    return gatherSpeech(this.clock, {
      digits: (stop) => this.digits.gather({ ...keys, speech, signal: until(stop) }, this.signal, this.playback()),
      transcripts: (stop) => this.transcribe({ ...how, signal: until(stop) }),
      turns: () => this.vad(),
    });
  }
}

function restAll({ recordings }: MediaLeg, on: boolean): void {
  for (const recording of recordings) recording.rest('secret', on);
}

function followRecording(activity: Activity | undefined, { done }: Recording): void {
  if (!activity) return;
  done.then(
    ({ durationMs }) => activity.end({ durationMs }),
    (error: unknown) => activity.end({}, error),
  );
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
