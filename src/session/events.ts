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

export interface TandemEvents {
  'call:created': CallCreated;
  'call:early': SessionEvent & { readonly status: number };
  'call:answered': SessionEvent;
  'call:confirmed': SessionEvent;
  'call:ended': SessionEvent & { readonly cause: EndCause };
  'sip:request': SipEvent;
  'sip:response': SipEvent;
  'media:started': SessionEvent & { readonly codec: string };
  'media:dtmf': SessionEvent & { readonly digit: string };
  /** Once, when the call ends. */
  'media:stats': SessionEvent & { readonly stats: LegStats };
  'media:timeout': SessionEvent & { readonly silentMs: number };
  'media:failed': SessionEvent & { readonly error: string };
}
