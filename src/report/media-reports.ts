/**
 * What is known of the audio of a leg, kept beside its SIP messages (`sip/trace`) when it failed: how it sounded, which
 * way it took, and what happened meanwhile. Kept ones are text, so that what they take is known.
 */
import type { LegStats } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Observer, Unsubscribe } from '../base/events.ts';
import type { EndCause } from '../session/errors.ts';
import type { SessionEvent, TandemEvents } from '../session/events.ts';
import type { TraceSettings } from '../sip/trace/options.ts';
import { isFailure } from '../sip/trace/trace.ts';

export interface MediaEvent {
  /** Unix milliseconds. */
  readonly at: number;
  /** `media:timeout`, `media:ice`, …, as the observer names them. */
  readonly name: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface MediaReport {
  readonly callId: string;
  readonly sessionId: string;
  readonly direction: 'inbound' | 'outbound';
  /** Call-IDs of the other legs of the call: ask for theirs, too. */
  readonly others: readonly string[];
  /** Undefined while it runs. */
  readonly cause: EndCause | undefined;
  /** Its last statistics; undefined where it had no audio. */
  readonly stats: LegStats | undefined;
  /** The first 8 and the latest 24. */
  readonly events: readonly MediaEvent[];
}

export interface MediaReportsPorts {
  readonly clock: Clock;
  readonly observer: Observer<TandemEvents>;
  /** The legs of a call share it. @returns undefined for one that is over */
  dataOf(sessionId: string): object | undefined;
  /** Keeps the SIP messages of a call that runs, too. */
  keepTrace(callId: string): void;
}

interface Open {
  readonly callId: string;
  readonly direction: 'inbound' | 'outbound';
  /** Of all legs of the call. */
  readonly callIds: Set<string>;
  events: MediaEvent[];
  hasProblem: boolean;
}

interface Kept {
  readonly callId: string;
  readonly keptAt: number;
  json: string;
}

const firstEvents = 8;
const mostEvents = 32;
/** Of `trace.maxBytes`. */
const shareOfBytes = 1 / 4;

export class MediaReports {
  readonly #ports: MediaReportsPorts;
  readonly #settings: Pick<TraceSettings, 'keep' | 'maxCalls' | 'keepFor'>;
  readonly #maxBytes: number;
  /** By session. */
  readonly #open = new Map<string, Open>();
  readonly #calls = new WeakMap<object, Set<string>>();
  /** By session, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  readonly #unsubscribe: readonly Unsubscribe[];

  constructor(settings: TraceSettings, ports: MediaReportsPorts) {
    this.#ports = ports;
    this.#settings = settings;
    this.#maxBytes = settings.maxBytes * shareOfBytes;
    this.#unsubscribe = settings.keep === 'none' ? [] : this.#listen(ports.observer);
  }

  /** Of legs with this Call-ID that run, or that failed not long ago. */
  of(callId: string): MediaReport[] {
    this.#expire();
    const kept = [...this.#kept.values()].filter((one) => one.callId === callId);
    const running = [...this.#open].filter(([, one]) => one.callId === callId);
    return [
      ...kept.map(({ json }) => JSON.parse(json) as MediaReport),
      ...running.map(([sessionId, one]) => reportOf(sessionId, one)),
    ];
  }

  /** Idempotent. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#open.clear();
    this.#kept.clear();
    this.#bytes = 0;
  }

  #listen(observer: Observer<TandemEvents>): readonly Unsubscribe[] {
    const note = <K extends NotedEvent>(
      name: K,
      isProblem: (event: TandemEvents[K]) => boolean = () => false,
    ): Unsubscribe => observer.on(name, (event) => this.#note(name, event, isProblem(event)));
    return [
      observer.on('call:created', (event) => this.#begin(event)),
      observer.on('call:recovered', (event) => this.#begin(event)),
      note('media:started'),
      note('media:timeout', () => true),
      note('media:srtp', () => true),
      note('media:ice', ({ state }) => state === 'failed'),
      note('media:dtls', ({ state }) => state === 'failed'),
      note('media:failed', () => true),
      note('recording:failed', () => true),
      note('call:held'),
      note('call:resumed'),
      note('call:replaced'),
      observer.on('call:ended', ({ sessionId, cause }) => this.#end(sessionId, cause)),
      observer.on('media:stats', ({ sessionId, stats }) => this.#measured(sessionId, stats)),
    ];
  }

  #begin({ callId, sessionId, direction }: TandemEvents['call:created']): void {
    const data = this.#ports.dataOf(sessionId);
    const callIds = (data && this.#calls.get(data)) ?? new Set<string>();
    if (data) this.#calls.set(data, callIds);
    callIds.add(callId);
    this.#open.set(sessionId, { callId, direction, callIds, events: none, hasProblem: false });
  }

  #note(name: string, event: SessionEvent, isProblem: boolean): void {
    const leg = this.#open.get(event.sessionId);
    if (!leg) return;
    const { callId, sessionId: _, at, ...detail } = event;
    if (leg.events === none) leg.events = [];
    leg.events.push({ at, name, detail });
    if (leg.events.length > mostEvents) leg.events.splice(firstEvents, 1);
    if (!isProblem || leg.hasProblem) return;
    leg.hasProblem = true;
    this.#ports.keepTrace(callId);
  }

  #end(sessionId: string, cause: EndCause): void {
    const leg = this.#open.get(sessionId);
    if (!leg) return;
    this.#open.delete(sessionId);
    const { by, status = 0 } = cause;
    const failed = by === 'error' || by === 'timeout' || by === 'crash' || isFailure(status);
    if (failed || leg.hasProblem || this.#settings.keep === 'all') this.#keep(sessionId, leg, cause);
  }

  #keep(sessionId: string, leg: Open, cause: EndCause): void {
    this.#expire();
    const json = JSON.stringify(reportOf(sessionId, leg, cause));
    this.#kept.set(sessionId, { callId: leg.callId, keptAt: this.#ports.clock.now(), json });
    this.#bytes += json.length;
    this.#trim();
  }

  /** The last statistics come behind the end. */
  #measured(sessionId: string, stats: LegStats): void {
    const kept = this.#kept.get(sessionId);
    if (!kept) return;
    this.#bytes -= kept.json.length;
    kept.json = JSON.stringify({ ...(JSON.parse(kept.json) as MediaReport), stats } satisfies MediaReport);
    this.#bytes += kept.json.length;
    this.#trim();
  }

  #trim(): void {
    for (const sessionId of this.#kept.keys()) {
      if (this.#kept.size <= this.#settings.maxCalls && this.#bytes <= this.#maxBytes) return;
      this.#forget(sessionId);
    }
  }

  #expire(): void {
    const before = this.#ports.clock.now() - this.#settings.keepFor;
    for (const [sessionId, { keptAt }] of this.#kept) {
      if (keptAt >= before) return;
      this.#forget(sessionId);
    }
  }

  #forget(sessionId: string): void {
    this.#bytes -= this.#kept.get(sessionId)?.json.length ?? 0;
    this.#kept.delete(sessionId);
  }
}

/** Most legs have no event of their own: one list for all of them. */
const none: MediaEvent[] = [];

type NotedEvent =
  | 'media:started'
  | 'media:timeout'
  | 'media:srtp'
  | 'media:ice'
  | 'media:dtls'
  | 'media:failed'
  | 'recording:failed'
  | 'call:held'
  | 'call:resumed'
  | 'call:replaced';

function reportOf(
  sessionId: string,
  { callId, direction, callIds, events }: Open,
  cause: EndCause | undefined = undefined,
): MediaReport {
  const others = [...callIds].filter((one) => one !== callId);
  return { callId, sessionId, direction, others, cause, stats: undefined, events: [...events] };
}
