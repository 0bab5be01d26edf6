/** One call that somebody looks at closely: its SIP messages, events, variables and media, as they come. */
import type { MediaLeg } from '../../media/index.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { EventLog, LoggedEvent } from '../control/events/log.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import { ladderMessage, mergedLadder } from './ladder.ts';
import { LegGauge } from './leg-gauge.ts';
import type { CallDetail, LadderMessage, MediaPoint, ServerMessage, TimelineEvent } from './protocol.ts';
import { type RowContext, rowId, rowOf } from './rows.ts';
import type { ConsoleSubject } from './subject.ts';

export interface WatchDeps {
  readonly subject: Pick<ConsoleSubject, 'trace' | 'keepTrace'>;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly rows: RowContext;
  /** What everybody who watches gets. */
  readonly send: (message: ServerMessage) => void;
}

type More = Extract<ServerMessage, { type: 'call-more' }>;

const mostEvents = 500;
const mostPoints = 600;
/** ms between two levels of a leg; a point is made of ten. */
const gaugeMs = 100;

export class CallWatch {
  readonly id: string;
  readonly #record: DialogRecord;
  readonly #deps: WatchDeps;
  readonly #gauges = new Map<DialogSession, LegGauge>();
  readonly #points = new Map<string, MediaPoint[]>();
  #newPoints: Record<string, MediaPoint> = {};
  readonly #unsubscribe: () => void;
  #callIds: ReadonlySet<string> = new Set();
  #events: TimelineEvent[] = [];
  #newEvents: TimelineEvent[] = [];
  #seen: ReadonlySet<string> = new Set();
  #row = '';
  #variables = '';
  #timer: Timer;

  constructor(record: DialogRecord, deps: WatchDeps) {
    this.id = rowId(record);
    this.#record = record;
    this.#deps = deps;
    this.#look();
    const { log } = deps;
    const { events } = log.read(log.beginning, log.size);
    this.#events = events
      .filter((event) => this.#isOurs(event))
      .map(timelineEvent)
      .slice(-mostEvents);
    this.#unsubscribe = log.onAppend((event) => {
      if (!this.#isOurs(event)) return;
      this.#newEvents.push(timelineEvent(event));
      if (this.#newEvents.length > mostEvents) this.#newEvents.shift();
    });
    this.#row = JSON.stringify(this.#rowNow());
    this.#variables = JSON.stringify(this.#variablesNow());
    this.#timer = this.#arm();
  }

  /** All that there is, for who begins to look. */
  detail(): CallDetail {
    this.flush();
    const { flags } = this.#record;
    const set = Array.from({ length: 32 }, (_, flag) => flag).filter((flag) => flags.isSet(flag));
    return {
      call: this.#rowNow(),
      variables: this.#variablesNow(),
      flags: { flags: set, iflags: this.#record.iflags, timeout: this.#record.timeout },
      ladder: this.#ladder(),
      events: this.#events,
      media: Object.fromEntries(this.#points),
    };
  }

  /** Tells what came since the last time; to be called a few times a second. */
  flush(): void {
    this.#look();
    const more: { -readonly [K in keyof More]: More[K] } = { type: 'call-more', id: this.id };
    const row = this.#rowNow();
    const rowText = JSON.stringify(row);
    if (rowText !== this.#row) more.call = row;
    this.#row = rowText;
    const variables = this.#variablesNow();
    const variablesText = JSON.stringify(variables);
    if (variablesText !== this.#variables) more.variables = variables;
    this.#variables = variablesText;
    const before = this.#seen;
    const fresh = this.#ladder().filter((message) => !before.has(keyOf(message)));
    if (fresh.length > 0) more.ladder = fresh;
    if (this.#newEvents.length > 0) more.events = this.#newEvents;
    this.#events = [...this.#events, ...this.#newEvents].slice(-mostEvents);
    this.#newEvents = [];
    if (Object.keys(this.#newPoints).length > 0) more.media = this.#newPoints;
    this.#newPoints = {};
    if (Object.keys(more).length > 2) this.#deps.send(more);
  }

  /** Nobody looks any more, or the call is over. Idempotent. */
  close(): void {
    this.#timer.cancel();
    this.#unsubscribe();
    for (const gauge of this.#gauges.values()) gauge.close();
    this.#gauges.clear();
  }

  /** Legs come and go, and so does what is named by them. */
  #look(): void {
    const { legs, callId } = this.#record;
    const names = legs.flatMap(({ session }) => [session.callId, session.signalling?.callId ?? session.callId]);
    this.#callIds = new Set([callId, ...names]);
    // Its farewell is part of what is looked at.
    for (const name of this.#callIds) this.#deps.subject.keepTrace(name);
    const running = new Map<DialogSession, MediaLeg>();
    for (const { session, isOver } of legs) {
      const leg = isOver ? undefined : session.mediaLeg;
      if (leg) running.set(session, leg);
    }
    for (const [session, gauge] of this.#gauges) {
      if (running.get(session) === gauge.leg) continue;
      gauge.close();
      this.#gauges.delete(session);
    }
    for (const [session, leg] of running)
      if (!this.#gauges.has(session)) this.#gauges.set(session, new LegGauge(leg, this.#deps.clock));
  }

  #arm(): Timer {
    return this.#deps.clock.setTimer(
      gaugeMs,
      () => {
        this.#timer = this.#arm();
        for (const [session, gauge] of this.#gauges) void gauge.read().then((point) => this.#measured(session, point));
      },
      'levels of a call',
    );
  }

  #measured({ id }: DialogSession, point: MediaPoint | undefined): void {
    if (!point) return;
    this.#newPoints[id] = point;
    const points = this.#points.get(id) ?? [];
    points.push(point);
    if (points.length > mostPoints) points.shift();
    this.#points.set(id, points);
  }

  #isOurs({ callId }: LoggedEvent): boolean {
    return callId !== undefined && this.#callIds.has(callId);
  }

  #rowNow(): CallDetail['call'] {
    return rowOf(this.#record, this.#deps.rows);
  }

  #variablesNow(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#record.variables);
  }

  #ladder(): readonly LadderMessage[] {
    const { subject } = this.#deps;
    const sessions = new Map(this.#record.legs.map(({ session }) => [session.callId, session.id]));
    const ladder = mergedLadder(
      [...this.#callIds].map((callId) =>
        subject.trace(callId).map((message) => ladderMessage(message, sessions.get(callId) ?? callId)),
      ),
    );
    this.#seen = new Set(ladder.map(keyOf));
    return ladder;
  }
}

function keyOf({ at, sessionId, direction, summary, cseq }: LadderMessage): string {
  return `${at} ${sessionId} ${direction} ${cseq} ${summary}`;
}

function timelineEvent({ name, json }: LoggedEvent): TimelineEvent {
  const { at, data } = JSON.parse(json) as { at: number; data: Readonly<Record<string, unknown>> };
  const { callId: _, sessionId, at: own, dialog: __, ...detail } = data;
  return {
    at: typeof own === 'number' ? own : at,
    name,
    sessionId: typeof sessionId === 'string' ? sessionId : undefined,
    detail,
  };
}
