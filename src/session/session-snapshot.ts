/** A leg of a call as plain data: what another process builds it of again, beside the state of its media. */
import type { Direction, DtlsIdentity, NegotiatedAudio, SdpSession } from '../../media/index.ts';
import type { DialogSnapshot } from '../sip/dialog.ts';
import type { UnfinishedInvite } from '../sip/endpoint.ts';
import type { SipTransportName } from '../sip/options.ts';
import type { SrtpMode } from './dialog-media.ts';
import type { SessionState } from './session-options.ts';

/** Offers and answers of one leg so far. */
export interface DialogMediaSnapshot {
  /** Name of the media leg. */
  readonly leg: string;
  /** Of our SDP (o=). */
  readonly sessionId: string;
  readonly version: number;
  /** Our keys by suite, in base64. */
  readonly keys: readonly (readonly [suite: string, key: string])[];
  readonly srtp: SrtpMode | undefined;
  readonly secure: boolean;
  readonly web: boolean;
  readonly bindAddress: string;
  readonly address: string;
  readonly others: readonly string[];
  readonly offersIce: boolean | undefined;
  readonly identity: DtlsIdentity | undefined;
  readonly sent: SdpSession | undefined;
  readonly audio: NegotiatedAudio | undefined;
  readonly direction: Direction;
  readonly peerHolds: boolean;
}

export interface SessionTimerSnapshot {
  /** 0: no timer runs. */
  readonly seconds: number;
  readonly refresher: 'us' | 'them';
  /** The fewest seconds to ask for. */
  readonly floor: number;
  /** Unix ms. */
  readonly expiresAt: number;
  readonly refreshesAt: number;
}

/** The leg of a caller. */
export interface ServerPart {
  readonly kind: 'server';
  readonly user: string | undefined;
  readonly trunk: string | undefined;
  /** The INVITE. */
  readonly invite: Uint8Array;
}

/** A leg of ours. */
export interface ClientPart {
  readonly kind: 'client';
  readonly uri: string;
  /** Address of From, without tag. */
  readonly from: string;
  /** Id of the session that it was made for. */
  readonly madeFor: string | undefined;
}

/** It is in a bridge, or in a conference. */
export type Membership =
  | {
      readonly kind: 'bridge';
      /** Id of the session at the other side. */
      readonly partner: string | undefined;
      readonly dtmf: boolean;
      readonly transcode: boolean;
      readonly reinvites: 'absorb' | 'pass';
    }
  | {
      readonly kind: 'conference';
      readonly name: string;
      readonly maxMembers: number | undefined;
      readonly keepOpen: boolean;
      readonly muted: boolean;
      /** Id of the session that alone hears it. */
      readonly whispersTo: string | undefined;
    };

export interface SessionSnapshot {
  readonly version: 1;
  readonly id: string;
  readonly callId: string;
  readonly fromUser: string | undefined;
  readonly toUser: string | undefined;
  readonly transport: SipTransportName;
  readonly state: SessionState;
  /** Unix ms; 0 for a call that is not answered. */
  readonly answeredAt: number;
  readonly dialog: DialogSnapshot | undefined;
  readonly media: DialogMediaSnapshot | undefined;
  readonly timer: SessionTimerSnapshot;
  /** The INVITE while it has no final response. */
  readonly unfinished: UnfinishedInvite | undefined;
  readonly membership: Membership | undefined;
  /** Paths of what was recorded. */
  readonly recordedTo: readonly string[];
  readonly part: ServerPart | ClientPart;
}

/** Unix ms from a clock whose origin is its process' own, and back: an instant of an earlier process, on this one's clock. */
export interface Instants {
  /** ms */
  now(): number;
  /** Unix ms. */
  wallclock(): number;
}

export function toUnix(clock: Instants, at: number): number {
  return clock.wallclock() + (at - clock.now());
}

/** @param within the wall clock may have jumped meanwhile: an instant is no farther away than so many ms */
export function fromUnix(clock: Instants, unix: number, within: number): number {
  const distance = unix - clock.wallclock();
  return clock.now() + Math.max(-within, Math.min(within, distance));
}
