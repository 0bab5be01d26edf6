/** What the console looks at: as little of a Tandem as it needs. */
import type { Observer } from '../base/events.ts';
import type { Cdr } from '../cdr/cdr.ts';
import type { Registrar } from '../registrar/registrar.ts';
import type { DialogRegistry } from '../registry/registry.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { TandemEvents } from '../session/events.ts';
import type { AgentState, QueueEndReason } from '../session/pbx-events.ts';
import type { Counters } from '../sip/counters.ts';
import type { TraceMessage } from '../sip/trace/trace.ts';

/** A `Tandem` is one. */
export interface ConsoleSubject extends PbxSubject {
  readonly observer: Pick<Observer<TandemEvents>, 'on'>;
  readonly registry: DialogRegistry;
  readonly registrar: Pick<Registrar, 'size' | 'users' | 'lookup'> | undefined;
  /** How many SIP messages there were, by cause. */
  readonly sipCounters: Readonly<Counters>;
  readonly store?: CdrStore | undefined;
  trace(callId: string): readonly TraceMessage[];
  /** Keeps the messages of a call that runs, however it ends. */
  keepTrace(callId: string): void;
  findCall(name: string): DialogSession | undefined;
}

export interface CdrSearch {
  /** Part of an address or Call-ID; empty: all. */
  readonly search: string;
  /** Only those that ended before, and of the same second those whose id is smaller. */
  readonly before: { readonly endedAt: number; readonly id: string } | undefined;
  readonly limit: number;
}

/** Records of calls that are over, the latest to end first. */
export interface CdrStore {
  findCdrs(search: CdrSearch): Promise<readonly Cdr[]>;
  cdr(id: string): Promise<Cdr | undefined>;
}

/** Queues and mailboxes, where there are any. A `Tandem` is one. */
export interface PbxSubject {
  readonly queues: readonly WatchedQueue[];
  readonly mailboxes: readonly WatchedMailbox[];
}

export interface WatchedQueue {
  readonly name: string;
  readonly state: {
    readonly callers: readonly {
      readonly callId: string;
      readonly sessionId: string;
      readonly fromUser: string | undefined;
      readonly position: number;
      readonly priority: number;
      readonly waitedMs: number;
      readonly ringing: readonly string[];
    }[];
    readonly agents: readonly {
      readonly name: string;
      readonly state: AgentState;
      readonly taken: number;
      readonly missed: number;
    }[];
    readonly left: Readonly<Record<QueueEndReason, number>>;
  };
}

export interface WatchedMailbox {
  readonly name: string;
  /** Of those that are known: all, after `messages`. */
  readonly counts: { readonly new: number; readonly saved: number };
  messages(): Promise<
    readonly {
      readonly id: string;
      readonly at: number;
      readonly durationMs: number;
      readonly from: string | undefined;
      readonly fromName: string | undefined;
      readonly state: 'new' | 'saved';
    }[]
  >;
  /** The sound, as a WAV file. */
  read(id: string): Promise<Uint8Array>;
}
