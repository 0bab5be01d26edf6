/** ICE (RFC 8445) as plain, structured-clonable data: what the two sides of an offer and an answer say, and what came of it. */

export interface IceCredentials {
  /** 4 to 256 characters (RFC 8839 §5.4). */
  readonly ufrag: string;
  /** 22 to 256 characters. */
  readonly pwd: string;
}

export type IceCandidateType = 'host' | 'srflx' | 'prflx' | 'relay';

/** RFC 8839 §5.1. UDP only. */
export interface IceCandidate {
  readonly foundation: string;
  /** 1 RTP, 2 RTCP: with ICE both go by one socket (RFC 5761), and candidates of 2 are passed over. */
  readonly component: 1 | 2;
  readonly transport: 'udp';
  readonly priority: number;
  /** An IP address, in the form in which the kernel writes it. */
  readonly address: string;
  readonly port: number;
  readonly type: IceCandidateType;
  readonly relatedAddress?: string;
  readonly relatedPort?: number;
}

export type IceRole = 'controlling' | 'controlled';

export interface IceParameters {
  readonly local: IceCredentials;
  /** Undefined while our offer has no answer: checks of a peer that is quicker than its answer are answered. */
  readonly remote: IceCredentials | undefined;
  /** We answer checks and send none (RFC 8445 §2.5). */
  readonly localLite: boolean;
  readonly remoteLite: boolean;
  /** Who made the offer is controlling; between one that is lite and one that is not, this counts for nothing (§6.1.1). */
  readonly role: IceRole;
  /** The peer's. */
  readonly candidates: readonly IceCandidate[];
  /** No more will come by trickle (RFC 8838). */
  readonly endOfCandidates: boolean;
}

/**
 * `checking`: no pair yet. `connected`: media may be sent. `disconnected`: the peer's consent has run out, nothing is sent
 * until it is back. `failed`: there was no pair for a long time; one that comes yet is taken.
 */
export type IceState = 'new' | 'checking' | 'connected' | 'disconnected' | 'failed';

/** Messages that were dropped, or answered with an error, by cause. */
export interface IceRefused {
  readonly malformed: number;
  /** For nobody here, or by somebody else than the peer. */
  readonly unknownUfrag: number;
  readonly integrity: number;
  /** More than a peer has need for. */
  readonly rate: number;
  /** Both think that they are controlling, or that they are not (RFC 8445 §7.3.1.1). */
  readonly roleConflict: number;
  /** Attributes that have to be understood and are not (420). */
  readonly unknownAttributes: number;
  /** Answers to nothing that we asked. */
  readonly strayAnswer: number;
}

export interface IceStats {
  readonly state: IceState;
  readonly role: IceRole | undefined;
  readonly lite: boolean;
  readonly selected:
    | { readonly address: string; readonly port: number; readonly type: IceCandidateType; readonly nominated: boolean }
    | undefined;
  /** Binding requests of the peer that were right, and answers of ours to them. */
  readonly checksReceived: number;
  readonly checksAnswered: number;
  readonly refused: IceRefused;
  /** Our own. */
  readonly checksSent: number;
  readonly answersReceived: number;
  /** ms since the peer last showed that it wants our media; undefined without a pair, and where nobody asks for it. */
  readonly consentAgeMs: number | undefined;
  readonly restarts: number;
  /** Of our last check that was answered, ms. */
  readonly rttMs: number | undefined;
  /** Pairs of this session, and addresses that the peer sees us at and that we did not name. */
  readonly pairs: number;
  readonly reflexive: readonly { readonly address: string; readonly port: number }[];
}
