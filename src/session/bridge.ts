/** Two calls whose audio flows to each other (diago's Bridge). */
import { type Media, type MediaBridge, type NegotiatedAudio, sameCodec } from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import { narrowedCodecs } from './dialog-media.ts';
import { DialogServerSession } from './dialog-server-session.ts';
import type { BridgeMembership, DialogSession } from './dialog-session.ts';
import { CodecMismatchError, type EndCause, StateError } from './errors.ts';

export interface BridgeOptions {
  /** Pass telephone-event packets across; default true. */
  readonly dtmf?: boolean;
  /** Convert where the legs speak different codecs; default false: they have to speak the same. */
  readonly transcode?: boolean;
}

/** Why a bridge is over: a call in it ended, was taken out, or the bridge was closed. */
export interface BridgeEnd {
  readonly reason: 'ended' | 'removed' | 'closed';
  readonly session?: DialogSession;
  readonly cause?: EndCause;
}

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
  #closed = false;

  /** Made by `tandem.bridge`, not by users. */
  constructor(media: Media, options: BridgeOptions = {}) {
    this.#media = media;
    this.#options = { dtmf: options.dtmf ?? true, transcode: options.transcode ?? false };
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
    if (first && !this.#options.transcode) mustMatch(first, session);
    this.#sessions.push(session);
    session.bridge = this;
    void session.ended.then((cause) => this.#left(session, { reason: 'ended', session, cause }));
    if (first) this.#start(first, session);
  }

  /** Takes a call out; it stays up. The bridge is over then. */
  remove(session: DialogSession): void {
    this.#left(session, { reason: 'removed', session });
  }

  /** Keeps the legs' codecs equal when one of them is re-negotiated (called by that leg). */
  async codecChanging(session: DialogSession, next: NegotiatedAudio): Promise<void> {
    const other = this.#sessions.find((member) => member !== session);
    const audio = other?.media.audio;
    if (!other || !audio || this.#options.transcode || sameCodec(audio.codec, next.codec)) return;
    try {
      await other.reInvite({ codecs: narrowedCodecs(next) });
    } catch (error) {
      throw new CodecMismatchError(next.codec.name, audio.codec.name, { cause: error });
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
    this.#bridge = this.#media.createBridge(this.#options);
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
    for (const session of this.#sessions.splice(0)) session.bridge = undefined;
    this.#resolveEnded(end);
  }
}

function mustMatch(first: DialogSession, second: DialogSession): void {
  const [a, b] = [first.media.audio, second.media.audio];
  if (a && b && !sameCodec(a.codec, b.codec)) throw new CodecMismatchError(codecName(a), codecName(b));
}

function codecName({ codec }: NegotiatedAudio): string {
  return `${codec.name}/${codec.clockRate}${codec.channels > 1 ? `/${codec.channels}` : ''}`;
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
    throw new CodecMismatchError(codecName(expected), codecName(audio));
  }
  await session.prepareAnswer(audio && narrowedCodecs(audio));
}
