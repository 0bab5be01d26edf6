/** What the observer tells: plain payloads, each with the call's id, the session's id and a stamp. */
import type { DtlsState, IceState, LegStats, SrtpProblem } from '../../media/index.ts';
import type { BanReason } from '../sip/defence/ban-list.ts';
import type { EndCause } from './errors.ts';
import type { PbxEvents } from './pbx-events.ts';
import type { SessionState } from './session-options.ts';

export interface SessionEvent {
  readonly callId: string;
  readonly sessionId: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A leg that an earlier process had goes on in this one. */
export type CallRecovered = CallCreated;

export interface CallCreated extends SessionEvent {
  readonly direction: 'inbound' | 'outbound';
  readonly fromUri: string;
  readonly toUri: string;
}

/** A transfer: the session goes on with another peer. */
export interface CallReplaced extends SessionEvent {
  /** The new peer's URI. */
  readonly peer: string;
  /** Call-ID of the dialog with it. */
  readonly peerCallId: string;
}

/** A call waits for a remote controller, or one has taken it. */
export interface CallParked extends SessionEvent {
  readonly state: SessionState;
  /** What the call is for. */
  readonly name?: string;
  readonly fromUser?: string;
  readonly toUser?: string;
}

/** A parked call went back to its script, or is over. */
export interface CallUnparked extends SessionEvent {
  readonly reason: 'released' | 'ended';
}

export interface SipEvent {
  readonly callId: string;
  readonly at: number;
  readonly direction: 'in' | 'out';
  readonly peer: string;
  readonly method: string;
  /** Of a response. */
  readonly status?: number;
  readonly reason?: string;
}

/** A timer of a SIP transaction fired (RFC 3261 table 4): what it does is seen in the messages that follow. */
export interface SipTimerEvent {
  readonly callId: string;
  readonly at: number;
  /** `A`, `B`, …; `trying` is that of the automatic 100. */
  readonly timer: string;
  /** Of the transaction. */
  readonly method: string;
  readonly role: 'client' | 'server';
}

/** A phone registered at the registrar, or is no longer registered. */
export interface RegistrarEvent {
  readonly what: 'added' | 'refreshed' | 'removed' | 'expired' | 'replaced' | 'disconnected';
  readonly user: string;
  /** Its Contact. */
  readonly uri: string;
  /** Where it registered from: `udp:192.0.2.1:5060`. */
  readonly source: string;
  readonly userAgent: string | undefined;
  readonly callId: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** What became of an address that we keep registered somewhere. */
export interface RegistrationEvent {
  /** The address of record. */
  readonly uri: string;
  readonly at: number;
  /** Seconds that the registrar granted. */
  readonly expires?: number;
  /** Of the registrar's response, or of the one that was made here for want of it. */
  readonly status?: number;
  /** Milliseconds until the next try; undefined when there is none. */
  readonly retryInMs?: number;
}

/** Whether somebody whom we ask by OPTIONS answers. */
export interface QualifyEvent {
  readonly uri: string;
  readonly at: number;
  readonly up: boolean;
  readonly status: number;
  /** How long the answer took. */
  readonly ms: number;
}

export interface RegistrationEvents {
  /** For the first time, or again after a failure. */
  'registration:registered': RegistrationEvent;
  'registration:refreshed': RegistrationEvent;
  'registration:failed': RegistrationEvent;
  'registration:unregistered': RegistrationEvent;
  /** At first, and when it changes. */
  'registration:qualified': QualifyEvent;
}

/** A gateway of a trunk answers, or does not any more. */
export interface TrunkGatewayEvent extends QualifyEvent {
  readonly trunk: string;
}

/** A source of messages was banned. */
export interface SipBannedEvent {
  readonly at: number;
  /** An IPv4 address, or the /64 of an IPv6 address. */
  readonly address: string;
  readonly reason: BanReason;
  /** Unix milliseconds. */
  readonly until: number;
}

/** A call came into a conference, or left it. */
export interface ConferenceEvent extends SessionEvent {
  /** Its name. */
  readonly conference: string;
  /** Calls that are in it now. */
  readonly members: number;
}

/** Another call is heard best in a conference; without an id, none is. */
export interface ConferenceSpeakerEvent {
  readonly conference: string;
  readonly callId?: string;
  readonly sessionId?: string;
  /** Unix milliseconds. */
  readonly at: number;
}

export interface ConferenceEndedEvent {
  readonly conference: string;
  readonly reason: 'closed' | 'empty' | 'failed';
  /** Unix milliseconds. */
  readonly at: number;
}

export interface TandemEvents extends RegistrationEvents, PbxEvents {
  'call:recovered': CallRecovered;
  'call:created': CallCreated;
  'call:early': SessionEvent & { readonly status: number };
  'call:answered': SessionEvent;
  'call:confirmed': SessionEvent;
  'call:replaced': CallReplaced;
  /** One side wants to hear nothing of the other; `remote` is the peer. */
  'call:held': SessionEvent & { readonly by: 'local' | 'remote' };
  'call:resumed': SessionEvent & { readonly by: 'local' | 'remote' };
  'call:parked': CallParked;
  'call:taken': CallParked;
  'call:unparked': CallUnparked;
  'call:ended': SessionEvent & { readonly cause: EndCause };
  'trunk:gateway': TrunkGatewayEvent;
  'sip:request': SipEvent;
  'sip:response': SipEvent;
  'sip:timer': SipTimerEvent;
  'registrar:changed': RegistrarEvent;
  'sip:banned': SipBannedEvent;
  'conference:joined': ConferenceEvent;
  'conference:left': ConferenceEvent;
  'conference:speaker': ConferenceSpeakerEvent;
  'conference:ended': ConferenceEndedEvent;
  'media:started': SessionEvent & { readonly codec: string };
  'media:dtmf': SessionEvent & { readonly digit: string };
  /** Once, when the call ends. */
  'media:stats': SessionEvent & { readonly stats: LegStats };
  'media:timeout': SessionEvent & { readonly silentMs: number };
  /** The peer does not use the key that it named, or a key has served its time: nothing is heard, or sent. */
  'media:srtp': SessionEvent & { readonly problem: SrtpProblem };
  /** The peer was found by ICE; is not heard any more, so that nothing is sent to it; or cannot be found. */
  'media:ice': SessionEvent & { readonly state: IceState };
  /** A DTLS handshake settled keys, or failed, or the peer took them back. */
  'media:dtls': SessionEvent & { readonly state: DtlsState; readonly error?: string };
  /** A recording cannot be written, or its thread died; the call goes on. `code`: as of the error. */
  'recording:failed': SessionEvent & { readonly code: string; readonly error: string };
  /** `recovering`: its thread died, and the audio goes on in another; else the call ends. */
  'media:failed': SessionEvent & { readonly error: string; readonly recovering: boolean };
}
