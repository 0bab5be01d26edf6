/** Any number of calls that hear each other. */
import type {
  Media,
  MediaConference,
  MediaLeg,
  PlaybackHandle,
  PlayResult,
  PlaySource,
  RecordingHandle,
  RecordingResult,
  RecordOptions,
  RecordTarget,
} from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Observer } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import { DialogServerSession } from './dialog-server-session.ts';
import type { DialogSession } from './dialog-session.ts';
import { StateError } from './errors.ts';
import type { TandemEvents } from './events.ts';
import type { PlaybackOptions } from './playback.ts';
import type { BridgeMembership } from './session-context.ts';
import type { Membership } from './session-snapshot.ts';

export interface ConferenceOptions {
  /** Calls that may be in it at once; default 500. */
  readonly maxMembers?: number;
  /** It stays open when the last call left; default false. Close it when done. */
  readonly keepOpen?: boolean;
  /** What somebody who is alone in it hears, again and again. */
  readonly music?: PlaySource;
}

export interface JoinOptions {
  /** It hears, and is not heard until `mute(call, false)`. */
  readonly muted?: boolean;
}

export interface ConferenceMember {
  readonly call: DialogSession;
  readonly muted: boolean;
  /** Who alone hears it. */
  readonly whispersTo: DialogSession | undefined;
  /** It is the one that is heard best. */
  readonly speaking: boolean;
}

/** Why a conference is over: it was closed, the last call left, or its mixer broke. */
export interface ConferenceEnd {
  readonly reason: 'closed' | 'empty' | 'failed';
}

interface Member {
  readonly call: DialogSession;
  leg: MediaLeg;
  muted: boolean;
  whispersTo: DialogSession | undefined;
}

export interface ConferenceDeps {
  readonly media: Media;
  readonly clock: Clock;
  readonly observer: Observer<TandemEvents>;
  readonly logger: Logger;
  /** Called once, when it is over. */
  readonly onEnded: () => void;
}

const defaultMaxMembers = 500;

/**
 * Everybody in it hears everybody else, in whatever codecs, in wide band where all have it. Key presses stay with the
 * call that they came by. Closing it hangs up nobody.
 */
export class Conference implements BridgeMembership {
  readonly name: string;
  readonly ended: Promise<ConferenceEnd>;
  readonly transcodes = true;
  readonly #deps: ConferenceDeps;
  readonly #options: ConferenceOptions;
  readonly #conference: MediaConference;
  readonly #members = new Map<DialogSession, Member>();
  readonly #resolveEnded: (end: ConferenceEnd) => void;
  /** Calls that are being answered. */
  #coming = 0;
  #speaker: DialogSession | undefined;
  #music: PlaybackHandle | undefined;
  #announcements = 0;
  #closing: Promise<void> | undefined;

  /** Made by `tandem.conference`, not by users. */
  constructor(name: string, options: ConferenceOptions, deps: ConferenceDeps) {
    this.name = name;
    this.#options = options;
    this.#deps = deps;
    this.#conference = deps.media.createConference();
    this.#conference.onSpeaker = (leg) => this.#spoke(leg);
    this.#conference.onFailed = (error) => {
      deps.logger.error({ conference: name, error: error.message }, 'the mixer of a conference broke');
      void this.#end('failed');
    };
    const { promise, resolve } = Promise.withResolvers<ConferenceEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  get members(): readonly ConferenceMember[] {
    return [...this.#members.values()].map(({ call, muted, whispersTo }) => ({
      call,
      muted,
      whispersTo,
      speaking: call === this.#speaker,
    }));
  }

  /** Who is heard best; undefined while nobody has spoken for 2 s. */
  get speaker(): DialogSession | undefined {
    return this.#speaker;
  }

  /**
   * Takes a call in; an incoming one that is not answered yet is answered. Adding one again changes nothing.
   * @throws TandemError ERR_CONFERENCE_FULL (status 486), ERR_CONFERENCE_CLOSED, ERR_NO_MEDIA, ERR_AUDIO_FORMAT where its
   * codec cannot be mixed; ERR_STATE while it is in a bridge or another conference; DialogEndedError
   */
  async add(call: DialogSession, options: JoinOptions = {}): Promise<void> {
    if (this.#members.has(call)) return;
    const unanswered = call instanceof DialogServerSession && !call.isAnswered ? call : undefined;
    try {
      await this.#prepare(call, unanswered);
      // Before the answer: it hears the others from its first packet on.
      this.#join(call, options.muted ?? false);
      if (unanswered && !unanswered.isAnswered) await unanswered.answer();
    } catch (error) {
      this.remove(call);
      this.#perhapsOver();
      throw error;
    }
  }

  /** Keeps a place for the call until its audio is settled. */
  async #prepare(call: DialogSession, unanswered: DialogServerSession | undefined): Promise<void> {
    this.#admit(call);
    const { maxMembers = defaultMaxMembers } = this.#options;
    if (this.#members.size + this.#coming >= maxMembers)
      throw new TandemError('ERR_CONFERENCE_FULL', `the conference ${this.name} is full`, {
        status: 486,
        facts: { maxMembers },
      });
    this.#coming++;
    try {
      await unanswered?.prepareAnswer();
      this.#admit(call);
    } finally {
      this.#coming--;
    }
  }

  #admit(call: DialogSession): void {
    call.signal.throwIfAborted();
    if (this.#closing) throw closed();
    if (call.bridge && call.bridge !== this)
      throw new StateError(call.callId, 'the call is in a bridge or another conference: remove it there first');
  }

  #join(call: DialogSession, muted: boolean): void {
    if (this.#members.has(call)) return;
    const leg = call.media.ready;
    this.#conference.add(leg, muted);
    const member: Member = { call, leg, muted, whispersTo: undefined };
    this.#members.set(call, member);
    call.bridge = this;
    call.setEarlyBridge(undefined);
    void call.ended.then(() => this.#left(member));
    this.#deps.observer.emit('conference:joined', { ...this.#stampOf(call), members: this.#members.size });
    this.#tendMusic();
  }

  describe(call: DialogSession): Membership | undefined {
    const member = this.#members.get(call);
    if (!member) return undefined;
    const { maxMembers, keepOpen = false } = this.#options;
    const { muted, whispersTo } = member;
    return { kind: 'conference', name: this.name, maxMembers, keepOpen, muted, whispersTo: whispersTo?.id };
  }

  /** Takes a call out; it stays up. */
  remove(call: DialogSession): void {
    const member = this.#members.get(call);
    if (member) this.#left(member);
  }

  #left(member: Member): void {
    const { call, leg } = member;
    if (this.#members.get(call) !== member) return;
    this.#members.delete(call);
    call.bridge = undefined;
    this.#conference.remove(leg);
    this.#deps.observer.emit('conference:left', { ...this.#stampOf(call), members: this.#members.size });
    if (this.#speaker === call) this.#spoke(undefined);
    this.#tendMusic();
    this.#perhapsOver();
  }

  #perhapsOver(): void {
    if (this.#members.size === 0 && this.#coming === 0 && !this.#options.keepOpen) void this.#end('empty');
  }

  /** Nobody hears this member any more, or everybody does again. @throws TandemError ERR_NOT_IN_CONFERENCE */
  mute(call: DialogSession, on = true): void {
    const member = this.#member(call);
    member.muted = on;
    this.#conference.mute(member.leg, on);
    call.noteChange();
  }

  /**
   * Only `to` hears this member from now on; undefined: everybody does again. It hears everybody all the time. When `to`
   * leaves, nobody hears it until `whisper(call, undefined)`: what was meant for one is not for all.
   * @throws TandemError ERR_NOT_IN_CONFERENCE, for either
   */
  whisper(call: DialogSession, to: DialogSession | undefined): void {
    const member = this.#member(call);
    const target = to && this.#member(to);
    member.whispersTo = to;
    this.#conference.whisper(member.leg, target?.leg);
    call.noteChange();
  }

  /**
   * Plays to everybody, and resolves when it is over; those who speak are heard beside it. A second one takes over.
   * @throws TandemError ERR_FILE, ERR_FETCH, ERR_AUDIO_FORMAT, ERR_CONFERENCE_CLOSED
   */
  async play(source: PlaySource, options: PlaybackOptions = {}): Promise<PlayResult> {
    this.#announcements++;
    try {
      return await this.#conference.play(source, options.type, options).done;
    } finally {
      this.#announcements--;
      this.#tendMusic();
    }
  }

  /**
   * Records what is heard in it, mono, until it is closed; whispering is not heard. `target` is a path, a FileHandle or
   * a Writable.
   * @throws TandemError ERR_CONFERENCE_CLOSED
   */
  record(
    target: RecordTarget,
    options: Pick<RecordOptions, 'sampleRate' | 'maxDuration' | 'signal'> = {},
  ): RecordingHandle {
    const recording = this.#conference.record(target, options);
    const { path, done } = recording;
    if (path !== undefined) this.#tellOf(path, done);
    return recording;
  }

  #tellOf(path: string, done: Promise<RecordingResult>): void {
    const { observer, clock } = this.#deps;
    const stamp = (): { path: string; conference: string; at: number } => ({
      ...{ path, conference: this.name, at: clock.wallclock() },
    });
    observer.emit('recording:started', stamp());
    done.then(
      ({ end, durationMs }) => observer.emit('recording:ended', { ...stamp(), end, durationMs }),
      () => observer.emit('recording:ended', { ...stamp(), end: 'failed' }),
    );
  }

  /** Everybody leaves, and stays up; recordings are written to their ends. Idempotent, never rejects. */
  close(): Promise<void> {
    return this.#end('closed');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #end(reason: ConferenceEnd['reason']): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: ConferenceEnd['reason']): Promise<void> {
    this.#deps.onEnded();
    const mixed = this.#conference.close();
    for (const call of [...this.#members.keys()]) this.remove(call);
    await mixed;
    this.#deps.observer.emit('conference:ended', { conference: this.name, at: this.#deps.clock.wallclock(), reason });
    this.#resolveEnded({ reason });
  }

  // What its members' sessions ask of it

  partnerOf(): undefined {
    return undefined;
  }

  async admit(): Promise<void> {}

  async changing(): Promise<undefined> {}

  /** A member's keys are its own. */
  pressed(): void {}

  /** A member's audio comes from another leg now. */
  relink(): void {
    for (const member of this.#members.values()) {
      const leg = member.call.media.leg;
      if (!leg || leg === member.leg) continue;
      this.#conference.remove(member.leg);
      member.leg = leg;
      try {
        this.#conference.add(leg, member.muted);
        for (const other of this.#members.values())
          if (other.whispersTo === member.call || other === member)
            this.#conference.whisper(other.leg, other.whispersTo && this.#members.get(other.whispersTo)?.leg);
      } catch (error) {
        this.#deps.logger.warn(
          { conference: this.name, error: messageOf(error) },
          'a call cannot stay in a conference',
        );
        this.#left(member);
      }
    }
  }

  // Inside

  #member(call: DialogSession): Member {
    const member = this.#members.get(call);
    if (member) return member;
    throw new TandemError('ERR_NOT_IN_CONFERENCE', `the call is not in the conference ${this.name}`, {
      facts: { callId: call.callId },
    });
  }

  #spoke(leg: MediaLeg | undefined): void {
    let speaker: DialogSession | undefined;
    for (const member of this.#members.values()) if (leg && member.leg === leg) speaker = member.call;
    if (speaker === this.#speaker) return;
    this.#speaker = speaker;
    const { clock, observer } = this.#deps;
    const who = speaker ? { callId: speaker.callId, sessionId: speaker.id } : {};
    observer.emit('conference:speaker', { conference: this.name, at: clock.wallclock(), ...who });
  }

  /** Music plays while there is one alone and nothing is announced. */
  #tendMusic(): void {
    const { music } = this.#options;
    if (music === undefined || this.#announcements > 0) return;
    const alone = this.#members.size === 1 && !this.#closing;
    if (alone && !this.#music) {
      const playing = this.#conference.play(music, undefined, { loop: true });
      this.#music = playing;
      const over = (): void => {
        if (this.#music === playing) this.#music = undefined;
      };
      playing.done.then(over, (error: unknown) => {
        this.#deps.logger.warn({ conference: this.name, error: messageOf(error) }, 'no music for who is alone');
      });
    } else if (!alone) {
      this.#music?.stop();
      this.#music = undefined;
    }
  }

  #stampOf(call: DialogSession): { conference: string; callId: string; sessionId: string; at: number } {
    return { conference: this.name, callId: call.callId, sessionId: call.id, at: this.#deps.clock.wallclock() };
  }
}

function closed(): TandemError {
  return new TandemError('ERR_CONFERENCE_CLOSED', 'the conference is closed');
}
