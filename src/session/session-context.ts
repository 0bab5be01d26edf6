/** What a session is given: the house around it, and the bridge that it is in. */
import type { Codec, Direction, Media, NegotiatedAudio } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Observer } from '../base/events.ts';
import type { WebSockets } from '../base/io.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { SipEndpoint } from '../sip/endpoint.ts';
import type { CallDataFactory } from './call-data.ts';
import type { DialogSession } from './dialog-session.ts';
import type { TandemEvents } from './events.ts';
import type { CallFollower } from './follower.ts';
import type { DtmfMode, DtmfPath } from './info-dtmf.ts';
import type { IncomingMessage } from './messages.ts';
import type { IncomingRefer, ReferHandler, TransferOptions } from './refer-in.ts';
import type { Membership } from './session-snapshot.ts';
import type { SessionTimerSettings } from './session-timer.ts';
import type { SttProvider } from './transcribe.ts';

/**
 * Which provisional responses ask for a PRACK (RFC 3262): to callers that know it, those with early media
 * (`supported`) or all of them (`required`; our INVITEs require it as well), or none (`off`).
 */
export type ReliableMode = 'supported' | 'required' | 'off';

/** What a session needs of the house around it. */
export interface SessionContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: Observer<TandemEvents>;
  readonly endpoint: SipEndpoint;
  readonly webSockets: WebSockets;
  readonly stt: SttProvider | undefined;
  readonly media: Media;
  readonly codecs: readonly Codec[];
  readonly callData: CallDataFactory;
  readonly follower: CallFollower | undefined;
  readonly sessionTimers: SessionTimerSettings;
  readonly reliable: ReliableMode;
  /** Work that goes on behind a returned call; the house waits for it when it closes. */
  background(work: Promise<unknown>): void;
  /** The session is known to the house from now on, until it is over. */
  adopt(session: DialogSession): () => void;
  readonly transfers: Transfers;
  readonly dtmf: DtmfMode;
  /** A call without RTP is ended. */
  readonly hangupOnRtpTimeout: boolean;
  /** A MESSAGE came. */
  received(message: IncomingMessage): void;
}

/** What is done with a REFER of a peer. */
export interface Transfers {
  /** Where a session has no `onRefer`. */
  readonly onRefer: ReferHandler;
  execute(session: DialogSession, refer: IncomingRefer, options: TransferOptions): Promise<void>;
  pass(session: DialogSession, refer: IncomingRefer, options: TransferOptions): Promise<void>;
}

/** What a leg asks of the bridge that it is in. */
export interface BridgeMembership {
  readonly transcodes: boolean;
  partnerOf(session: DialogSession): DialogSession | undefined;
  /** See `Bridge`. */
  admit(session: DialogSession, next: DialogSession): Promise<void>;
  relink(): void;
  remove(session: DialogSession): void;
  /** As plain data. */
  describe(session: DialogSession): Membership | undefined;
  pressed(session: DialogSession, digit: string, way: DtmfPath): void;
  /**
   * The peer of `session` wants `next`. Resolves with the direction that the other leg allows, if that counts. Throws
   * when the other leg cannot follow.
   */
  changing(session: DialogSession, next: NegotiatedAudio): Promise<Direction | undefined>;
}
