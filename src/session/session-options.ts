/** What the methods of both kinds of session take and give. */
import type { Codec, Direction, LegStats, PlaySource, RecordOptions } from '../../media/index.ts';
import type { HeaderField } from '../sip/message.ts';
import type { Replaces } from '../sip/replaces.ts';
import type { ConsentOptions } from './consent.ts';
import type { DialogSession } from './dialog-session.ts';
import type { GatherOptions } from './gather.ts';
import type { OfferMethod } from './negotiation.ts';
import type { PlayType } from './playback.ts';
import type { ReferOutcome } from './refer-out.ts';

export type SessionState = 'initial' | 'early' | 'answered' | 'confirmed' | 'ended';

export interface HangupOptions {
  /** Text for a Reason header (RFC 3326). */
  readonly reason?: string;
  readonly headers?: readonly HeaderField[];
}

export interface SessionRecordOptions extends RecordOptions {
  /** Keys of the call, or of the one that it is bridged with, that let it rest, as `*1`. */
  readonly pauseOn?: string;
  /** Keys that let it go on; default those of `pauseOn`, again. */
  readonly resumeOn?: string;
}

export interface CallRecordOptions extends SessionRecordOptions {
  /** Asks the peer first: without a yes nothing is recorded. */
  readonly consent?: ConsentOptions;
  /** Played first, to whom the call is bridged with as well. */
  readonly announce?: PlaySource;
}

export interface SessionGatherOptions extends GatherOptions {
  /** Meanwhile no recording of the call goes on, and the keys are told to nobody else. */
  readonly secret?: boolean;
  /** Played while waiting; the first digit stops it. */
  readonly play?: PlaySource;
  readonly playType?: PlayType;
  /** Take what is said, too: whichever comes first. Speech stops what is played. */
  readonly speech?: boolean | { readonly language?: string };
  readonly signal?: AbortSignal;
}

export interface SessionStats extends LegStats {
  readonly state: SessionState;
  /** Milliseconds since the call was answered. */
  readonly answeredMs: number;
}

export interface SendDtmfOptions {
  readonly via?: 'rfc4733' | 'info' | 'info-dtmf' | 'inband';
  /** Milliseconds of each digit; default 160. */
  readonly durationMs?: number;
  /** Between two, with the audio; default 80. */
  readonly gapMs?: number;
}

export interface HoldOptions {
  /** The peer hears nothing either. */
  readonly inactive?: boolean;
  /** Played to it, again and again, until `unhold`. */
  readonly music?: PlaySource;
}

export interface ReInviteOptions {
  readonly codecs?: readonly Codec[];
  readonly direction?: Direction;
  /** Look for the way to the peer anew, where ICE finds it (RFC 8445 §9). */
  readonly iceRestart?: boolean;
  /** By which request; default INVITE. UPDATE (RFC 3311) works before the answer as well. */
  readonly method?: OfferMethod;
}

export interface ReferOptions {
  /** More of the REFER; a `Referred-By` replaces ours. */
  readonly headers?: readonly HeaderField[];
  /** The call that is replaced at the target: an attended transfer (RFC 3891). */
  readonly replaces?: DialogSession | Replaces;
  /** Milliseconds until the outcome has to be known; default 120,000. */
  readonly timeout?: number;
  /** Hears each report of the peer. */
  readonly onNotify?: (progress: ReferOutcome) => void;
  readonly signal?: AbortSignal;
}
