/** Two calls whose audio flows to each other (diago's Bridge). */
import {
  type Direction,
  encodingOf,
  isPassedThrough,
  type Media,
  type MediaBridge,
  type NegotiatedAudio,
  reverse,
  sameCodec,
} from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import { narrowedCodecs } from './dialog-media.ts';
import { DialogServerSession } from './dialog-server-session.ts';
import type { DialogSession } from './dialog-session.ts';
import { CodecMismatchError, type EndCause, StateError } from './errors.ts';
import type { Activity } from './follower.ts';
import type { DtmfPath } from './info-dtmf.ts';
import type { BridgeMembership } from './session-context.ts';
import type { ReInviteOptions } from './session-options.ts';
import type { Membership } from './session-snapshot.ts';

export interface BridgeOptions {
  /** Pass telephone-event packets across; default true. */
  readonly dtmf?: boolean;
  /** Convert where the legs speak different codecs; default false: they have to speak the same. */
  readonly transcode?: boolean;
  /**
   * What the other leg learns of hold and resume of one: nothing (`absorb`, the default), or it is put on hold as
   * well, and a refusal goes back as 488 (`pass`).
   */
  readonly reinvites?: 'absorb' | 'pass';
}

/** Why a bridge is over: a call in it ended, was taken out, or the bridge was closed. */
export interface BridgeEnd {
  readonly reason: 'ended' | 'removed' | 'closed';
  readonly session?: DialogSession;
  readonly cause?: EndCause;
}

/** Digits that may wait at once. */
const mostPassing = 32;

/**
 * Forwards at arrival, without decoding: both legs must speak the same codec (payload types and
 * ptime may differ), unless it may `transcode`. It starts with the second call. Closing it hangs up nobody.
 */
export class Bridge implements BridgeMembership {
  readonly ended: Promise<BridgeEnd>;
  readonly #media: Media;
  readonly #options: Required<BridgeOptions>;
  readonly #sessions: DialogSession[] = [];
  readonly #resolveEnded: (end: BridgeEnd) => void;
  #bridge: MediaBridge | undefined;
  #activity: Activity | undefined;
  /** Digits on their way to the other leg. */
  #passing = 0;
  #closed = false;
  /** The other leg is being offered what one of them changed to. */
  #following = false;

  /** Made by `tandem.bridge`, not by users. */
  constructor(media: Media, options: BridgeOptions = {}) {
    this.#media = media;
    const { dtmf = true, transcode = false, reinvites = 'absorb' } = options;
    this.#options = { dtmf, transcode, reinvites };
    const { promise, resolve } = Promise.withResolvers<BridgeEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  /** Whether it may convert between codecs. */
  get transcodes(): boolean {
    return this.#options.transcode;
  }

  get sessions(): readonly DialogSession[] {
    return this.#sessions;
  }

  /**
   * @throws TandemError ERR_CODEC_MISMATCH, ERR_BRIDGE_FULL, ERR_NO_MEDIA (not answered yet),
   * ERR_STATE (bridged elsewhere, or the bridge is over), DialogEndedError. The bridge is then as before.
   */
  add(session: DialogSession): void {
    session.signal.throwIfAborted();
    if (this.#closed) throw new StateError(session.callId, 'the bridge is closed');
    if (this.#sessions.includes(session)) return;
    if (session.bridge) throw new StateError(session.callId, 'the call is in another bridge: remove it there first');
    const [first] = this.#sessions;
    if (this.#sessions.length === 2) {
      throw new TandemError('ERR_BRIDGE_FULL', 'a bridge holds two calls; use a conference for more', {
        facts: { callId: session.callId },
      });
    }
    session.media.ready;
    if (first) mustMatch(first, session, this.#options.transcode);
    this.#sessions.push(session);
    session.bridge = this;
    void session.ended.then((cause) => this.#left(session, { reason: 'ended', session, cause }));
    if (first) this.#start(first, session);
  }

  /** Takes a call out; it stays up. The bridge is over then. */
  remove(session: DialogSession): void {
    this.#left(session, { reason: 'removed', session });
  }

  describe(session: DialogSession): Membership {
    const partner = this.#sessions.find((member) => member !== session)?.id;
    return { kind: 'bridge', partner, ...this.#options };
  }

  /** The other call in it, once there are two. */
  partnerOf(session: DialogSession): DialogSession | undefined {
    return this.#bridge && this.#sessions.find((member) => member !== session);
  }

  /**
   * Makes `next` speak what it has to in the place of a member's peer.
   * @throws CodecMismatchError
   */
  async admit(session: DialogSession, next: DialogSession): Promise<void> {
    const audio = this.partnerOf(session)?.media.audio;
    const own = next.media.audio;
    if (!audio || !own || this.#options.transcode || sameCodec(audio.codec, own.codec)) return;
    try {
      await next.reInvite({ codecs: narrowedCodecs(audio) });
    } catch (error) {
      throw new CodecMismatchError(encodingOf(audio.codec), encodingOf(own.codec), { cause: error });
    }
  }

  /** Passes a digit on that the audio does not carry across: it came by INFO, or can only go on by INFO. */
  pressed(session: DialogSession, digit: string, way: DtmfPath): void {
    const other = this.partnerOf(session);
    // Tones in the audio are across already, and events where the other leg takes them.
    if (!other || !this.#options.dtmf || way === 'inband') return;
    if (way === 'rfc4733' && other.media.audio?.telephoneEvent) return;
    // Who sends INFOs faster than anybody presses keys fills no queue of ours.
    if (this.#passing >= mostPassing) return;
    this.#passing++;
    const passed = (): void => {
      this.#passing--;
    };
    // A leg that has no way for digits goes on without them.
    other.sendDtmf(digit).then(passed, passed);
  }

  /** A member's audio comes from another leg now. */
  relink(): void {
    const [first, second] = this.#sessions;
    if (!this.#bridge || !first || !second) return;
    this.#bridge.close();
    this.#start(first, second);
  }

  /**
   * Keeps the legs' codecs equal when one of them is re-negotiated (called by that leg), and passes its direction on if
   * that is wanted.
   * @returns the direction that the other leg allows for this one, if that counts
   */
  async changing(session: DialogSession, next: NegotiatedAudio): Promise<Direction | undefined> {
    const other = this.#sessions.find((member) => member !== session);
    const audio = other?.media.audio;
    if (!other || !audio) return undefined;
    const strict = !this.#options.transcode;
    const passes = this.#options.reinvites === 'pass' && other.state === 'confirmed';
    // What this peer sends goes to the other one, and so does its wish not to hear anything.
    const direction = passes ? reverse(next.direction) : other.media.direction;
    if (direction !== other.media.direction || (strict && !sameCodec(audio.codec, next.codec)))
      await this.#follow(other, { direction, ...(strict ? { codecs: narrowedCodecs(next) } : {}) });
    return passes ? reverse(other.media.audio?.direction ?? audio.direction) : undefined;
  }

  /** Offers the other leg what one of them changes to. */
  async #follow(other: DialogSession, change: ReInviteOptions): Promise<void> {
    // Both legs change at once, and each would wait for the other.
    if (this.#following) throw new TandemError('ERR_GLARE', 'the other leg of the bridge is changing', { status: 491 });
    this.#following = true;
    try {
      await other.reInvite(change);
    } catch (error) {
      const [wanted] = change.codecs ?? [];
      const audio = other.media.audio;
      if (!wanted || !audio || sameCodec(wanted, audio.codec)) throw error;
      throw new CodecMismatchError(wanted.name, audio.codec.name, { cause: error });
    } finally {
      this.#following = false;
    }
  }

  close(): void {
    this.#end({ reason: 'closed' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #start(first: DialogSession, second: DialogSession): void {
    first.setEarlyBridge(undefined);
    second.setEarlyBridge(undefined);
    const { dtmf, transcode } = this.#options;
    this.#activity ??= first.activity('bridge', { partner: second.callId, transcode });
    this.#bridge = this.#media.createBridge({ dtmf, transcode });
    this.#bridge.add(first.media.ready);
    this.#bridge.add(second.media.ready);
  }

  #left(session: DialogSession, end: BridgeEnd): void {
    const index = this.#sessions.indexOf(session);
    if (index === -1) return;
    if (this.#bridge) {
      this.#end(end);
    } else {
      this.#sessions.splice(index, 1);
      session.bridge = undefined;
    }
  }

  #end(end: BridgeEnd): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#bridge?.close();
    this.#activity?.end({ end: end.reason });
    for (const session of this.#sessions.splice(0)) session.bridge = undefined;
    this.#resolveEnded(end);
  }
}

/** @param transcode what is not the same is converted, as far as both codecs can be */
function mustMatch(first: DialogSession, second: DialogSession, transcode: boolean): void {
  const [a, b] = [first.media.audio?.codec, second.media.audio?.codec];
  if (!a || !b || sameCodec(a, b)) return;
  if (!transcode || isPassedThrough(a) || isPassedThrough(b))
    throw new CodecMismatchError(encodingOf(a), encodingOf(b));
}

/**
 * Settles the audio of a call that is not answered yet in the codec that `other` speaks, so that it
 * can be bridged before its answer is sent: no word is lost between the two.
 * @param transcode it may be another codec where its caller did not offer that one
 * @throws CodecMismatchError when its caller did not offer that codec.
 */
export async function prepareLike(session: DialogSession, other: DialogSession, transcode: boolean): Promise<void> {
  if (!(session instanceof DialogServerSession) || session.isAnswered) return;
  const audio = other.expectedAudio;
  const expected = session.expectedAudio;
  if (audio && expected && !session.couldSpeak(audio.codec)) {
    if (transcode) return session.prepareAnswer();
    throw new CodecMismatchError(encodingOf(expected.codec), encodingOf(audio.codec));
  }
  await session.prepareAnswer(audio && narrowedCodecs(audio));
}

/**
 * Bridges two calls; an incoming one that is not answered yet is answered, in the other's codec.
 * @throws as `Bridge.add` and `prepareLike`, TandemError ERR_ARGUMENT for one call twice
 */
export async function bridgeTwo(
  media: Media,
  a: DialogSession,
  b: DialogSession,
  options: BridgeOptions = {},
): Promise<Bridge> {
  if (a === b) throw new TandemError('ERR_ARGUMENT', 'a call cannot be bridged with itself');
  const { transcode = false } = options;
  await prepareLike(a, b, transcode);
  await prepareLike(b, a, transcode);
  const bridge = new Bridge(media, options);
  try {
    bridge.add(a);
    bridge.add(b);
    for (const call of [a, b]) if (call instanceof DialogServerSession && !call.isAnswered) await call.answer();
    return bridge;
  } catch (error) {
    bridge.close();
    throw error;
  }
}
