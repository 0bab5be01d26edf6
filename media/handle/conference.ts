/** The handle of a conference: who is in it and who hears whom; the work is done in the engine of its first member. */
import { TandemError } from '../../src/base/errors.ts';
import { codecFor, payloadKey, sampleRateOf } from '../codec/index.ts';
import type { Route } from '../conference/party.ts';
import { createByteRing } from '../engine/byte-ring.ts';
import { announcementCodec, type BridgePeer } from '../protocol.ts';
import { isOpus } from '../sdp/codecs.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { ConferenceMemberSnapshot, ConferenceSnapshot } from '../snapshot.ts';
import { fromErrorData } from './errors.ts';
import type { MediaLeg } from './leg.ts';
import type { EngineLink, LegEvent } from './link.ts';
import { Playback } from './playback.ts';
import { RecordingControl } from './recording.ts';
import type { SourceLoader } from './sources.ts';
import type {
  AudioType,
  PlaybackHandle,
  PlayOptions,
  PlaySource,
  RecordingHandle,
  RecordOptions,
  RecordTarget,
} from './types.ts';

/** Per direction between two workers: more than a second of 20 ms packets. */
const ringBytes = 32 * 1024;

/** What is played is decoded to this first. */
const announced: NegotiatedAudio = {
  codec: announcementCodec,
  receivePayloadTypes: [announcementCodec],
  telephoneEvent: undefined,
  remote: undefined,
  rtcpMux: false,
  direction: 'sendrecv',
  ptime: 20,
};

interface Member {
  readonly leg: MediaLeg;
  encoding: string;
  muted: boolean;
  whispersTo: string | undefined;
}

export interface ConferenceDeps {
  /** @throws {TandemError} ERR_MEDIA_WORKER, ERR_MEDIA_CLOSED */
  readonly place: (beside: MediaLeg | undefined) => EngineLink;
  readonly sources: SourceLoader;
  readonly onClosed: () => void;
}

export class MediaConference {
  readonly id: string;
  /** Another member is heard best; undefined: nobody spoke for 2 s. */
  onSpeaker: (leg: MediaLeg | undefined) => void = () => {};
  /** It broke; its members stay up, but are in it no more. */
  onFailed: (error: TandemError) => void = () => {};
  readonly #deps: ConferenceDeps;
  readonly #members = new Map<string, Member>();
  readonly #recordings = new Map<string, RecordingControl>();
  readonly #remembered = new Map<string, ConferenceMemberSnapshot>();
  readonly #playbacks = new Map<string, Playback>();
  #current: Playback | undefined;
  #link: EngineLink | undefined;
  #handles = 0;
  #closing: Promise<void> | undefined;

  constructor(id: string, deps: ConferenceDeps, snapshot?: ConferenceSnapshot) {
    this.id = id;
    this.#deps = deps;
    for (const member of snapshot?.members ?? []) this.#remembered.set(member.leg, member);
  }

  get legs(): readonly MediaLeg[] {
    return [...this.#members.values()].map(({ leg }) => leg);
  }

  /** Index of the worker it lives in; undefined before the first member. */
  get worker(): number | undefined {
    return this.#link?.worker;
  }

  /**
   * Adding one again changes nothing. @param muted it is not heard at first
   * @throws {TandemError} ERR_CONFERENCE_CLOSED; ERR_MEDIA_STATE before a codec is negotiated; ERR_AUDIO_FORMAT where it
   *   cannot be mixed
   */
  add(leg: MediaLeg, muted = false): void {
    this.#check();
    if (this.#members.has(leg.id)) return;
    if (!leg.audio)
      throw new TandemError('ERR_MEDIA_STATE', 'a leg joins a conference when an SDP offer and answer settled a codec');
    mustMix(leg.audio);
    const remembered = this.#remembered.get(leg.id);
    this.#remembered.delete(leg.id);
    const member: Member = {
      leg,
      encoding: payloadKey(leg.audio.codec),
      muted: remembered?.muted ?? muted,
      whispersTo: remembered?.whispersTo,
    };
    const link = this.#engine(leg);
    this.#members.set(leg.id, member);
    leg.onNegotiated = (audio) => this.#negotiated(member, audio);
    this.#join(link, member, leg.audio);
  }

  remove(leg: MediaLeg): void {
    if (!this.#members.delete(leg.id)) return;
    leg.onNegotiated = () => {};
    this.#link?.send({ type: 'conference.leave', leg: this.id, member: leg.id });
    if (leg.link !== this.#link) leg.link.send({ type: 'bridge.unlink', bridge: this.id, leg: leg.id });
  }

  isMuted(leg: MediaLeg): boolean {
    return this.#members.get(leg.id)?.muted ?? false;
  }

  /** Nobody hears this member, until it is unmuted. */
  mute(leg: MediaLeg, on: boolean): void {
    const member = this.#members.get(leg.id);
    if (!member) return;
    member.muted = on;
    this.#route(member);
  }

  /** `to` alone hears this member; undefined: all do again. When `to` leaves, nobody does. */
  whisper(leg: MediaLeg, to: MediaLeg | undefined): void {
    const member = this.#members.get(leg.id);
    if (!member) return;
    member.whispersTo = to?.id;
    this.#route(member);
  }

  /**
   * Everybody hears it, those who speak too; it takes over from what was played before.
   * @throws {TandemError} ERR_CONFERENCE_CLOSED
   */
  play(source: PlaySource, type: AudioType | undefined, options: PlayOptions = {}): PlaybackHandle {
    this.#check();
    const link = this.#engine();
    this.#current?.stop();
    const id = this.#handle('p');
    const playback: Playback = new Playback({
      link,
      leg: this.id,
      id,
      options,
      load: (signal) =>
        this.#deps.sources.load(source, type, options, { audio: announced, current: () => announced, signal }),
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
   * Records the mix, mono, whoever comes and goes; whispering is not in it.
   * @param options `sampleRate` default: that of the mix by now; `direction`, `channels` and `beep` do not count
   * @throws {TandemError} ERR_CONFERENCE_CLOSED
   */
  record(target: RecordTarget, options: RecordOptions = {}): RecordingHandle {
    this.#check();
    const link = this.#engine();
    const id = this.#handle('r');
    const of = { link, leg: this.id, id, onOver: () => this.#recordings.delete(id) };
    const recording = RecordingControl.start(of, target, { ...options, direction: 'in', channels: 1 });
    this.#recordings.set(id, recording);
    if (!link.alive)
      recording.lost(new TandemError('ERR_MEDIA_WORKER', 'the media worker is being replaced: try again'));
    return recording;
  }

  snapshot(): ConferenceSnapshot {
    const members = [...this.#members.values()].map(({ leg, muted, whispersTo }) => ({
      leg: leg.id,
      muted,
      whispersTo,
    }));
    return { version: 1, conference: this.id, members };
  }

  /** The legs of this engine, and conferences in it, were built again. */
  relink(engine: EngineLink): void {
    const link = this.#link;
    if (!link || this.#closing) return;
    if (link === engine) this.#open(link);
    for (const member of this.#members.values()) {
      const { leg } = member;
      if (leg.audio && (link === engine || leg.link === engine)) this.#join(link, member, leg.audio);
    }
    if (link === engine) for (const playback of this.#playbacks.values()) playback.revive(undefined);
  }

  /** Everybody leaves; resolves when the recordings are written. Idempotent, never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const leg of this.legs) this.remove(leg);
    for (const recording of this.#recordings.values()) recording.hurry();
    const link = this.#link;
    await link?.request<void>({ type: 'conference.close', leg: this.id }).catch(() => {});
    link?.remove(this.id);
    this.#lost(closed());
    this.#deps.onClosed();
  }

  #check(): void {
    if (this.#closing) throw closed();
  }

  #engine(beside?: MediaLeg): EngineLink {
    if (this.#link) return this.#link;
    const link = this.#deps.place(beside);
    this.#link = link;
    this.#open(link);
    return link;
  }

  #open(link: EngineLink): void {
    link.add(this.id, {
      onEvent: (event) => this.#onEvent(event),
      onLost: (error) => this.#interrupted(error),
      onRevived: () => {},
    });
    link.send({ type: 'conference.open', leg: this.id });
  }

  #join(link: EngineLink, member: Member, audio: NegotiatedAudio): void {
    const { leg } = member;
    const join = { type: 'conference.join', leg: this.id, member: leg.id, codec: audio.codec } as const;
    const route = routeOf(member, audio);
    if (leg.link === link) {
      link.send({ ...join, route, peer: { kind: 'leg', leg: leg.id } });
      return;
    }
    const [toLeg, toConference] = [createByteRing(ringBytes), createByteRing(ringBytes)];
    const peer: BridgePeer = { kind: 'ring', leg: this.id, out: toConference, in: toLeg };
    leg.link.send({ type: 'bridge.link', bridge: this.id, leg: leg.id, peer, dtmf: false, transcode: true });
    link.send({ ...join, route, peer: { kind: 'ring', leg: leg.id, out: toLeg, in: toConference } });
  }

  #negotiated(member: Member, audio: NegotiatedAudio): void {
    const { codec } = audio;
    const encoding = payloadKey(codec);
    // Where what it speaks now cannot be mixed, it hears nothing until it speaks another codec.
    if (encoding !== member.encoding && mixable(audio))
      this.#link?.send({ type: 'conference.configure', leg: this.id, member: member.leg.id, codec });
    member.encoding = encoding;
    this.#route(member);
  }

  #route(member: Member): void {
    const { leg } = member;
    const route = routeOf(member, leg.audio);
    this.#link?.send({ type: 'conference.route', leg: this.id, member: leg.id, route });
  }

  #onEvent(event: LegEvent): void {
    switch (event.type) {
      case 'play.done':
        this.#playbacks.get(event.playback)?.onEvent(event);
        break;
      case 'ring.ready':
        this.#playbacks.get(event.id)?.onEvent(event);
        break;
      case 'record.data':
      case 'record.done':
        this.#recordings.get(event.recording)?.onEvent(event);
        break;
      case 'conference.speaker':
        this.onSpeaker(event.member === undefined ? undefined : this.#members.get(event.member)?.leg);
        break;
      case 'leg.failed': {
        const error = fromErrorData(event.error);
        void this.close();
        this.onFailed(error);
        break;
      }
    }
  }

  /** Members and what is played go on in another engine (`relink`). */
  #interrupted(error: TandemError): void {
    for (const recording of [...this.#recordings.values()]) recording.lost(error);
  }

  #lost(error: TandemError): void {
    for (const playback of [...this.#playbacks.values()]) playback.lost();
    for (const recording of [...this.#recordings.values()]) recording.lost(error);
  }

  #handle(kind: string): string {
    return `${this.id}.${kind}${++this.#handles}`;
  }
}

function closed(): TandemError {
  return new TandemError('ERR_CONFERENCE_CLOSED', 'the conference is closed');
}

/** Who has us on hold plays its own music, which is not for the others. */
function routeOf({ muted, whispersTo }: Member, audio: NegotiatedAudio | undefined): Route {
  if (muted || audio?.direction === 'recvonly') return 'nobody';
  return whispersTo === undefined ? 'all' : { to: whispersTo };
}

/** There is a coder, and its samples fit the beat. That of Opus is in the engine: nobody negotiates it without. */
function mixable({ codec }: NegotiatedAudio): boolean {
  return (isOpus(codec) || codecFor(codec) !== undefined) && sampleRateOf(codec) % 50 === 0;
}

function mustMix(audio: NegotiatedAudio): void {
  if (mixable(audio)) return;
  const { name, clockRate } = audio.codec;
  throw new TandemError('ERR_AUDIO_FORMAT', `a conference cannot mix ${name}/${clockRate}`, { status: 488 });
}
