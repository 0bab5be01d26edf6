/** What the observer tells: plain payloads, each with the call's id, the session's id and a stamp. */
import type { LegStats } from '../../media/index.ts';
import type { EndCause } from './errors.ts';

export interface SessionEvent {
  readonly callId: string;
  readonly sessionId: string;
  /** Unix milliseconds. */
  readonly at: number;
}

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

export interface TandemEvents {
  'call:created': CallCreated;
  'call:early': SessionEvent & { readonly status: number };
  'call:answered': SessionEvent;
  'call:confirmed': SessionEvent;
  'call:replaced': CallReplaced;
  'call:ended': SessionEvent & { readonly cause: EndCause };
  'sip:request': SipEvent;
  'sip:response': SipEvent;
  'sip:timer': SipTimerEvent;
  'media:started': SessionEvent & { readonly codec: string };
  'media:dtmf': SessionEvent & { readonly digit: string };
  /** Once, when the call ends. */
  'media:stats': SessionEvent & { readonly stats: LegStats };
  'media:timeout': SessionEvent & { readonly silentMs: number };
  'media:failed': SessionEvent & { readonly error: string };
}
