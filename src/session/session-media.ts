/** The media of a session, which may become another's, and what the observer is told of it. */
import type { DtlsState, IceState, MediaLeg, NegotiatedAudio } from '../../media/index.ts';
import type { Observer } from '../base/events.ts';
import type { DialogMedia, HeldBy } from './dialog-media.ts';
import type { SessionEvent, TandemEvents } from './events.ts';

export interface SessionMediaOwner {
  stamp(): SessionEvent;
  /** An offer and its answer settled the audio. */
  settled(leg: MediaLeg, audio: NegotiatedAudio): void;
  /** A digit came with the audio. */
  pressed(digit: string): void;
  /** No RTP has come for `rtpTimeout`. */
  silent(): void;
  /** SRTP is not heard or not sent. */
  unheard(problem: string): void;
  /** The way to the peer was found, or lost. */
  way(state: IceState): void;
  /** How the handshake for keys went. */
  shaken(state: DtlsState, error: string | undefined): void;
  /** The audio goes on in another thread. */
  interrupted(error: Error): void;
  /** There is no audio any more. */
  failed(error: Error): void;
}

export class SessionMedia {
  readonly #observer: Observer<TandemEvents>;
  readonly #owner: SessionMediaOwner;
  #media: DialogMedia | undefined;
  #wasHeld: HeldBy | undefined;

  constructor(observer: Observer<TandemEvents>, owner: SessionMediaOwner) {
    this.#observer = observer;
    this.#owner = owner;
  }

  get media(): DialogMedia | undefined {
    return this.#media;
  }

  /** @param media the session's from now on; the one before is not closed */
  use(media: DialogMedia): void {
    this.#media = media;
    media.onLeg = (leg) => this.#follow(leg);
    media.onSettled = () => this.#settled(media);
    if (!media.leg) return;
    this.#follow(media.leg);
    this.#settled(media);
  }

  /** The media is another session's now. */
  giveUp(): void {
    this.#media = undefined;
  }

  started(): void {
    const codec = this.#media?.audio?.codec.name;
    if (codec) this.#observer.emit('media:started', { ...this.#owner.stamp(), codec });
  }

  /** Closes what was used. */
  async close(media: DialogMedia): Promise<void> {
    const stats = media.audio && media.leg && this.#observer.has('media:stats') ? media.leg.stats() : undefined;
    const closed = media.close();
    if (stats)
      await stats
        .then((last) => this.#observer.emit('media:stats', { ...this.#owner.stamp(), stats: last }))
        .catch(() => {});
    await closed;
  }

  #settled({ leg, audio }: DialogMedia): void {
    if (leg && audio) this.#owner.settled(leg, audio);
    this.#tellHold();
  }

  #follow(leg: MediaLeg): void {
    const { pressed, stamp, silent, unheard, way, shaken, interrupted, failed } = this.#owner;
    leg.onDtmf = ({ digit }) => pressed(digit);
    leg.onTimeout = ({ silentMs }) => {
      this.#observer.emit('media:timeout', { ...stamp(), silentMs });
      silent();
    };
    leg.onSrtp = ({ problem }) => {
      this.#observer.emit('media:srtp', { ...stamp(), problem });
      unheard(problem);
    };
    leg.onIce = ({ state }) => {
      this.#observer.emit('media:ice', { ...stamp(), state });
      way(state);
    };
    leg.onDtls = ({ state, error }) => {
      this.#observer.emit('media:dtls', { ...stamp(), state, ...(error ? { error: error.message } : {}) });
      shaken(state, error?.message);
    };
    leg.onInterrupted = (error) => {
      this.#observer.emit('media:failed', { ...stamp(), error: error.message, recovering: true });
      interrupted(error);
    };
    leg.onFailed = (error) => {
      this.#observer.emit('media:failed', { ...stamp(), error: error.message, recovering: false });
      failed(error);
    };
  }

  /** Tells who holds now and who does not any more. */
  #tellHold(): void {
    const held = this.#media?.held;
    for (const by of ['local', 'remote'] as const) {
      const [before, now] = [this.#wasHeld, held].map((one) => one === by || one === 'both');
      if (before !== now) this.#observer.emit(now ? 'call:held' : 'call:resumed', { ...this.#owner.stamp(), by });
    }
    this.#wasHeld = held;
  }
}
