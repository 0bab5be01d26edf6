/** The handle of one audio leg: commands to its engine, its events back. It carries no audio itself. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../src/base/clock.ts';
import { TandemError } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import type { AnalysisConfig } from '../analysis/analyser.ts';
import { sine, type Tone } from '../audio/index.ts';
import { payloadKey, sampleRateOf } from '../codec/index.ts';
import type { DtlsIdentity } from '../dtls/types.ts';
import type { IceState } from '../engine/leg-connection.ts';
import type { SrtpProblem } from '../engine/leg-security.ts';
import type { IceCandidate } from '../ice/types.ts';
import type { UdpPeer } from '../net/udp-port.ts';
import type { LegConfig } from '../protocol.ts';
import { unpackSaved } from '../saved-leg.ts';
import { encodingOf, isPassedThrough } from '../sdp/codecs.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { LegSnapshot, PlaybackSnapshot } from '../snapshot.ts';
import type { SrtpParameters } from '../srtp/profiles.ts';
import { Analyses, type AnalysisHandle, type AnalysisListener } from './analyses.ts';
import { LegReader } from './audio-reader.ts';
import { LegWriter } from './audio-writer.ts';
import { fromErrorData } from './errors.ts';
import { type DtlsState, LegHandshake } from './leg-handshake.ts';
import type { EngineLink, LegEvent, LegListener } from './link.ts';
import { type LoadedSource, Playback } from './playback.ts';
import { RecordingControl, type RecordingOf } from './recording.ts';
import type { LoadRequest, SourceLoader } from './sources.ts';
import type {
  AudioReader,
  AudioType,
  AudioWriter,
  LegStats,
  MediaPorts,
  PlaybackHandle,
  PlayOptions,
  PlaySource,
  RecordingHandle,
  RecordOptions,
  RecordTarget,
  ToneItem,
} from './types.ts';

export interface LegDeps {
  readonly id: string;
  readonly config: LegConfig;
  readonly link: EngineLink;
  readonly sources: SourceLoader;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onSaved: MediaPorts['onSaved'];
  /** Called once, when the sockets are closed. */
  readonly onClosed: () => void;
}

const beep: ToneItem = { tone: sine(1000), duration: 400 };
/** A recording has what was sent up to 60 ms ago. */
const hush: ToneItem = { tone: { frequencies: [], cadence: [], level: 0 }, duration: 80 };
const digitPattern = /^[0-9*#A-Da-d]+$/;

export class MediaLeg {
  readonly id: string;
  readonly callId: string;
  readonly port: number;
  readonly rtcpPort: number;
  /** Once per key press. `at`: Unix ms. */
  onDtmf: (event: { digit: string; at: number }) => void = () => {};
  /** Once per silence of `rtpTimeout` ms. */
  onTimeout: (event: { silentMs: number }) => void = () => {};
  /** Offer and answer settled something new. Kept by the conference that the leg is in. */
  onNegotiated: (audio: NegotiatedAudio) => void = () => {};
  /** Once for each problem with the keys of SRTP, until they change. */
  onSrtp: (event: { problem: SrtpProblem }) => void = () => {};
  /** The peer was found by ICE, lost, or cannot be found. */
  onIce: (event: { state: IceState }) => void = () => {};
  /** The handshake for keys is through, or failed, or the peer took its keys back. */
  onDtls: (event: { state: DtlsState; error?: TandemError | undefined }) => void = () => {};
  /**
   * The worker it lived in died. The leg goes on in another, on its ports and where its streams were; recordings and
   * digits on their way out have failed.
   */
  onInterrupted: (error: TandemError) => void = () => {};
  /** The leg, or the worker it lived in, broke; the leg is closed. */
  onFailed: (error: TandemError) => void = () => {};
  readonly #link: EngineLink;
  readonly #sources: SourceLoader;
  readonly #logger: Logger;
  readonly #onClosed: () => void;
  readonly #onSaved: MediaPorts['onSaved'];
  readonly #recordings = new Map<string, RecordingControl>();
  readonly #taps = new Map<string, LegReader>();
  readonly #playbacks = new Map<string, Playback>();
  readonly #analyses: Analyses;
  readonly #config: LegConfig;
  readonly #handshake: LegHandshake;
  #current: Playback | undefined;
  #audio: NegotiatedAudio | undefined;
  #echo = false;
  /** What a handshake settled. */
  #keys: SrtpParameters | undefined;
  /** A `SavedLeg`. */
  #saved: Uint8Array | undefined;
  #handles = 0;
  #closing: Promise<LegSnapshot | undefined> | undefined;
  #gone = false;

  constructor({ id, config, link, sources, clock, random, logger, onSaved, onClosed }: LegDeps) {
    this.id = id;
    this.callId = config.callId;
    this.port = config.port;
    this.rtcpPort = config.rtcpPort;
    this.#config = config;
    this.#link = link;
    this.#analyses = new Analyses(link, id);
    this.#handshake = new LegHandshake({
      clock,
      random,
      send: (record) => link.send({ type: 'leg.dtls', leg: id, record }),
      onKeys: (srtp) => {
        this.#keys = srtp;
        link.send({ type: 'leg.keys', leg: id, srtp });
      },
      onState: (state, error) => this.onDtls({ state, error }),
    });
    this.#sources = sources;
    this.#logger = logger;
    this.#onClosed = onClosed;
    this.#onSaved = onSaved;
    const listener: LegListener = {
      onEvent: (event) => this.#onEvent(event),
      onLost: (error, revived) => this.#interrupted(error, revived),
      onRevived: () => this.#revive(),
    };
    link.add(id, listener);
  }

  /** Index of the worker it lives in; 0 too when inline. */
  get worker(): number {
    return this.#link.worker;
  }

  /** For `Media` and `MediaBridge`. */
  get link(): EngineLink {
    return this.#link;
  }

  get audio(): NegotiatedAudio | undefined {
    return this.#audio;
  }

  /** What is being played, if anything is. */
  get playback(): PlaybackHandle | undefined {
    return this.#current;
  }

  /**
   * Applies the result of an offer/answer exchange; may be called again in mid-call.
   * @param identity what our fingerprint in it was of, where keys come by DTLS
   */
  negotiate(audio: NegotiatedAudio, identity?: DtlsIdentity): void {
    const before = this.#audio && payloadKey(this.#audio.codec);
    this.#audio = audio;
    this.#link.send({ type: 'leg.negotiate', leg: this.id, audio });
    this.#handshake.configure(audio, identity);
    if (before !== undefined && before !== payloadKey(audio.codec)) this.#current?.recode();
    this.onNegotiated(audio);
  }

  /**
   * One paced source at a time: a new one replaces the old, whose promise resolves as `stopped`.
   * @param type default: what a server says (Content-Type), else `audio/wav`
   */
  play(source: PlaySource, type: AudioType | undefined, options: PlayOptions = {}): PlaybackHandle {
    return this.#play(options, (signal) => this.#sources.load(source, type, options, this.#request(signal)));
  }

  /** Ringback and the like, until it is stopped. */
  tone(tone: Tone): PlaybackHandle {
    return this.#play({}, async () => {
      this.#codec('play a tone');
      return { source: { kind: 'tone', tone } };
    });
  }

  #play(
    options: PlayOptions,
    load: (signal: AbortSignal) => Promise<LoadedSource>,
    resume?: PlaybackSnapshot,
  ): Playback {
    this.#current?.stop();
    const id = resume?.id ?? this.#handle('p');
    const playback: Playback = new Playback({
      link: this.#link,
      leg: this.id,
      id,
      options,
      load: async (signal) => {
        if (this.#gone) throw closed();
        return load(signal);
      },
      ...(resume ? { resume } : {}),
      onOver: () => {
        this.#playbacks.delete(id);
        if (this.#current === playback) this.#current = undefined;
      },
    });
    this.#playbacks.set(id, playback);
    this.#current = playback;
    return playback;
  }

  /**
   * Asks a STUN server where it sees the leg's socket, for 1.5 s at the most.
   * @param base the candidate whose socket this is
   * @param server its address, not a name
   * @returns undefined when it does not answer, or sees us where we are
   */
  gather(base: IceCandidate, server: UdpPeer): Promise<IceCandidate | undefined> {
    return this.#link.request({ type: 'leg.gather', leg: this.id, base, server });
  }

  /** More places where the peer may be reached (RFC 8838). */
  addCandidates(candidates: readonly IceCandidate[]): void {
    this.#link.send({ type: 'leg.candidates', leg: this.id, candidates });
  }

  /** Goes on with what the snapshot's leg was playing and recording. @param identity see `negotiate` */
  restore(snapshot: LegSnapshot, identity?: DtlsIdentity): void {
    this.#audio = snapshot.audio;
    if (snapshot.audio) this.#handshake.resume(snapshot.audio, identity, snapshot.security !== undefined);
    this.#echo = snapshot.echo;
    for (const { path, ...recording } of snapshot.recordings) {
      if (path === undefined) continue;
      const of = this.#recordingOf(recording.id);
      this.#recordings.set(of.id, RecordingControl.resume(of, { ...recording, path }, snapshot.takenAt));
    }
    const ids = [...snapshot.recordings, ...(snapshot.playback ? [snapshot.playback] : [])].map(({ id }) => id);
    this.#handles = Math.max(0, ...ids.map((id) => Number(/\d+$/.exec(id)?.[0] ?? 0)));
    this.#analyses.forget(snapshot.analyses.map((analysis) => analysis.id));
    const { playback } = snapshot;
    if (!playback) return;
    const { source } = playback;
    this.#play({}, (signal) => this.#sources.restore(source, this.#request(signal)), playback);
  }

  /** Sends the payload bytes back as they come, telephone-events too. */
  echo(on: boolean): void {
    this.#echo = on;
    this.#link.send({ type: 'leg.echo', leg: this.id, on });
  }

  /**
   * Sends key presses, `0-9*#A-D`, as RFC 4733 events or as tones in the audio; what is being played waits meanwhile.
   * @returns resolves when they are sent. @throws ERR_DTMF_DIGIT, ERR_DTMF_UNAVAILABLE, ERR_MEDIA_CLOSED
   */
  async sendDtmf(
    digits: string,
    options: { durationMs?: number; gapMs?: number; inband?: boolean } = {},
  ): Promise<void> {
    if (digits === '') return;
    if (!digitPattern.test(digits))
      throw new TandemError('ERR_DTMF_DIGIT', 'DTMF digits are 0-9, *, # and A-D', {
        facts: { length: digits.length },
      });
    const inband = options.inband ?? false;
    if (!this.#codec('send DTMF').telephoneEvent && !inband)
      throw new TandemError('ERR_DTMF_UNAVAILABLE', 'the peer did not negotiate telephone-event');
    await this.#link.request<void>({
      type: 'dtmf.send',
      leg: this.id,
      digits: digits.toUpperCase(),
      durationMs: between(options.durationMs ?? 160, 40, 8000),
      gapMs: between(options.gapMs ?? 80, 20, 10_000),
      inband,
    });
  }

  /** What is being recorded, that of an earlier process too with which this leg goes on. */
  get recordings(): readonly RecordingHandle[] {
    return [...this.#recordings.values()];
  }

  #recordingOf(id: string): RecordingOf {
    return { link: this.#link, leg: this.id, id, onOver: () => this.#recordings.delete(id) };
  }

  /** Records both directions from now on, whoever else listens or speaks. */
  record(target: RecordTarget, options: RecordOptions = {}): RecordingHandle {
    const id = this.#handle('r');
    const recording = RecordingControl.start(this.#recordingOf(id), target, options);
    this.#recordings.set(id, recording);
    if (this.#gone) recording.lost(closed());
    else if (!this.#link.alive) recording.lost(interrupted());
    else if (options.beep) void recording.after(this.play([options.beep === true ? beep : options.beep, hush], ''));
    return recording;
  }

  /**
   * Decoded incoming audio: Int16 mono in frames of 20 ms; the oldest are dropped and counted.
   * @throws {TandemError} ERR_AUDIO_FORMAT for a codec that is only passed on
   */
  reader(options: { sampleRate?: number } = {}): AudioReader {
    const codec = this.#audio?.codec;
    if (codec && isPassedThrough(codec))
      throw new TandemError('ERR_AUDIO_FORMAT', `audio in ${encodingOf(codec)} cannot be read here`);
    const id = this.#handle('t');
    const reader = new LegReader(this.#link, this.id, id, options.sampleRate ?? 8000, () => this.#taps.delete(id));
    this.#taps.set(id, reader);
    if (this.#gone) reader.ended();
    return reader;
  }

  /** Audio to be sent; it is the leg's paced source until it ends. */
  writer(options: { sampleRate?: number } = {}): AudioWriter {
    const writer = new LegWriter(options.sampleRate ?? 8000, () =>
      this.#audio ? sampleRateOf(this.#audio.codec) : 8000,
    );
    writer.attach(
      this.#play({}, async () => {
        this.#codec('send audio');
        return writer.source;
      }),
    );
    return writer;
  }

  /** Listens for something in what is received, from now on until it is stopped or the leg goes. */
  analyse(config: AnalysisConfig, listener: AnalysisListener): AnalysisHandle {
    if (!this.#gone) return this.#analyses.start(this.#handle('a'), config, listener);
    listener.onOver();
    return { stop: () => {} };
  }

  stats(): Promise<LegStats> {
    return this.#link.request<LegStats>({ type: 'leg.stats', leg: this.id });
  }

  /** Everything `Media.createLeg({ snapshot })` needs to go on with this stream elsewhere. */
  snapshot(): Promise<LegSnapshot> {
    return this.#link.request<LegSnapshot>({ type: 'leg.snapshot', leg: this.id });
  }

  /**
   * To be called when the state that `MediaPorts.onSaved` told is written safely, or when neither it nor another state of
   * this leg is kept. SRTP sends no more than 1000 packets beyond a state that is not.
   */
  stored(serial: number): void {
    this.#link.send({ type: 'leg.stored', leg: this.id, serial });
  }

  /** Idempotent; every handle of it ends as `ended`. */
  async close(): Promise<void> {
    this.#closing ??= this.#close(false);
    await this.#closing;
  }

  /**
   * Closes the leg, whose stream goes on in another made of what this returns: the peer gets no RTCP BYE.
   * @throws ERR_MEDIA_CLOSED when it is closed already
   */
  async handOver(): Promise<LegSnapshot> {
    if (this.#closing) throw closed();
    this.#closing = this.#close(true);
    const snapshot = await this.#closing;
    if (!snapshot) throw closed();
    return snapshot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(handover: boolean): Promise<LegSnapshot | undefined> {
    if (!handover) this.#handshake.close();
    let last: LegSnapshot | undefined;
    if (!this.#gone) {
      for (const recording of this.#recordings.values()) recording.hurry();
      try {
        last = await this.#link.request<LegSnapshot | undefined>({ type: 'leg.close', leg: this.id, handover });
      } catch (error) {
        this.#logger.debug({ err: error, leg: this.id }, 'a media leg was gone before it was closed');
      }
    }
    this.#end(closed());
    return last;
  }

  #onEvent(event: LegEvent): void {
    switch (event.type) {
      case 'leg.dtmf':
        this.onDtmf({ digit: event.digit, at: event.at });
        break;
      case 'leg.timeout':
        this.onTimeout({ silentMs: event.silentMs });
        break;
      case 'leg.srtp':
        this.onSrtp({ problem: event.problem });
        break;
      case 'leg.ice':
        if (event.state === 'connected') this.#handshake.reached();
        this.onIce({ state: event.state });
        break;
      case 'leg.dtls':
        this.#handshake.record(event.record);
        break;
      case 'leg.saved':
        this.#saved = event.packed;
        this.#onSaved?.(this, event.packed, event.serial);
        break;
      case 'leg.failed':
        this.#lost(fromErrorData(event.error));
        break;
      case 'play.done':
        this.#playbacks.get(event.playback)?.onEvent(event);
        break;
      case 'analysis.found':
        this.#analyses.found(event.analysis, event);
        break;
      case 'ring.ready':
        this.#playbacks.get(event.id)?.onEvent(event);
        this.#taps.get(event.id)?.ready();
        break;
      case 'record.data':
      case 'record.done':
        this.#recordings.get(event.recording)?.onEvent(event);
        break;
      case 'conference.speaker':
        break;
      default:
        event satisfies never;
    }
  }

  #interrupted(error: TandemError, revived: boolean): void {
    if (this.#gone) return;
    if (!revived || this.#closing) {
      this.#lost(error);
      return;
    }
    for (const recording of [...this.#recordings.values()]) recording.lost(error);
    this.onInterrupted(error);
  }

  /** Builds the leg again in the engine that there is now: as it was told last, and with what was asked for since. */
  #revive(): void {
    const { snapshot: last, playing } = (this.#saved && unpackSaved(this.#saved)) ?? {};
    const saved = last && {
      ...last,
      // Who asked for them was told that they failed.
      dtmf: { ...last.dtmf, sending: undefined },
      analyses: this.#analyses.wanted(last.analyses),
    };
    const create = { type: 'leg.create', leg: this.id, config: this.#config } as const;
    this.#link
      .request<void>({ ...create, ...(saved ? { snapshot: saved } : {}) })
      .catch((error: TandemError) => this.#lost(error));
    const audio = this.#audio;
    if (audio && !isDeepStrictEqual(saved?.audio, audio))
      this.#link.send({ type: 'leg.negotiate', leg: this.id, audio });
    if (this.#keys && !saved?.security) this.#link.send({ type: 'leg.keys', leg: this.id, srtp: this.#keys });
    this.#link.send({ type: 'leg.echo', leg: this.id, on: this.#echo });
    for (const tap of this.#taps.values()) tap.revive();
    this.#analyses.revive();
    for (const playback of this.#playbacks.values()) playback.revive(playing);
  }

  #lost(error: TandemError): void {
    if (this.#gone) return;
    this.#end(error);
    this.#closing ??= Promise.resolve(undefined);
    this.onFailed(error);
  }

  #end(error: TandemError): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#link.remove(this.id);
    for (const playback of [...this.#playbacks.values()]) playback.lost();
    for (const recording of [...this.#recordings.values()]) recording.lost(error);
    for (const tap of [...this.#taps.values()]) tap.ended();
    this.#analyses.over();
    this.#handshake.rest();
    this.#onClosed();
  }

  #handle(kind: string): string {
    return `${this.id}.${kind}${++this.#handles}`;
  }

  #request(signal: AbortSignal): LoadRequest {
    return { audio: this.#codec('play'), current: () => this.#codec('play'), signal };
  }

  #codec(what: string): NegotiatedAudio {
    if (this.#gone) throw closed();
    if (!this.#audio)
      throw new TandemError('ERR_MEDIA_STATE', `cannot ${what} before an SDP offer and answer settled a codec`);
    return this.#audio;
  }
}

function closed(): TandemError {
  return new TandemError('ERR_MEDIA_CLOSED', 'the media leg is closed');
}

function interrupted(): TandemError {
  return new TandemError('ERR_MEDIA_WORKER', 'the media worker of this leg is being replaced: try again', {
    status: 503,
  });
}

function between(value: number, min: number, max: number): number {
  return Number.isFinite(value) ? Math.min(max, Math.max(min, Math.round(value))) : min;
}
