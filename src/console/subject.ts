/** What the console looks at: as little of a Tandem as it needs. */
import type { Observer } from '../base/events.ts';
import type { Cdr } from '../cdr/cdr.ts';
import type { Registrar } from '../registrar/registrar.ts';
import type { DialogRegistry } from '../registry/registry.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { TandemEvents } from '../session/events.ts';
import type { Counters } from '../sip/counters.ts';
import type { TraceMessage } from '../sip/trace/trace.ts';

/** A `Tandem` is one. */
export interface ConsoleSubject {
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
