/**
 * Traces of calls: one for each, of its legs and of what is done in them. Hears of what happens from the observer; what
 * a call begins, and whose part that is, from the sessions (`CallFollower`).
 */
import {
  type Attributes,
  type Context,
  context as contexts,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Observer, Unsubscribe } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import { type NumbersShown, shownNumber } from '../base/pii.ts';
import type { CallData, LegBirth } from '../session/call-data.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { TandemEvents } from '../session/events.ts';
import type { Activity, ActivityFacts, ActivityName, CallFollower } from '../session/follower.ts';
import { type HeaderField, header } from '../sip/message.ts';
import { activityAttributes, activityTitle } from './activities.ts';
import { CallTrace, legKey } from './call-trace.ts';
import { LegTrace } from './leg-trace.ts';
import { checkedTelemetry, type TelemetryOptions } from './options.ts';
import { OtlpTraces } from './otlp/otlp-traces.ts';
import type { SpanReport } from './otlp/span-queue.ts';
import { parseTraceparent, printTraceparent } from './traceparent.ts';

export interface CallTracerPorts {
  readonly clock: Clock;
  readonly observer: Observer<TandemEvents>;
  readonly logger: Logger;
  readonly version: string | undefined;
}

/** ms that the last statistics of a leg may take. */
const statsMs = 2_000;
/** Legs that are over, and of which somebody may still be told by HTTP. */
const mostRecent = 1_000;

export class CallTracer implements CallFollower {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #numbers: NumbersShown;
  readonly #propagate: boolean;
  readonly #calls = new WeakMap<CallData, CallTrace>();
  /** By session. */
  readonly #legs = new Map<string, LegTrace>();
  readonly #timers = new Map<LegTrace, Timer>();
  /** Contexts by Call-ID. */
  readonly #recent = new Map<string, Context>();
  readonly #unsubscribe: readonly Unsubscribe[];

  /** @throws ConfigError */
  constructor(options: TelemetryOptions, { clock, observer, logger, version }: CallTracerPorts) {
    const { tracerProvider = trace.getTracerProvider(), numbers = 'masked', propagate } = checkedTelemetry(options);
    this.#clock = clock;
    this.#logger = logger;
    this.#provider = tracerProvider;
    this.#tracer = tracerProvider.getTracer('tandem', version);
    this.#numbers = numbers;
    this.#propagate = propagate ?? false;
    this.#unsubscribe = this.#listen(observer);
  }

  /** Where spans wait; undefined when they are somebody else's to send. */
  get report(): SpanReport | undefined {
    return this.#provider instanceof OtlpTraces ? this.#provider.report : undefined;
  }

  /** The HTTP of a call is a part of it. @param callId of a call that runs, or ended not long ago */
  contextOf(callId: string): Context | undefined {
    return this.#recent.get(callId);
  }

  get tracer(): Tracer {
    return this.#tracer;
  }

  // ---- CallFollower

  began(session: DialogSession, birth: LegBirth): void {
    this.#safely(() => this.#began(session, birth));
  }

  #began(session: DialogSession, birth: LegBirth): void {
    const { data, id, callId } = session;
    const known = this.#calls.get(data);
    const call = known ?? this.#beginCall(session, birth);
    // Of a call that is not traced there is but its context, for what its script does and whom it asks.
    const span = call.isTraced ? this.#beginLeg(session, birth, call) : call.span;
    const isCaller = !known && birth.direction === 'inbound';
    const leg = new LegTrace(call, this.#tracer, { callId, sessionId: id, isCaller }, span);
    call.legs++;
    this.#legs.set(id, leg);
    this.#recent.delete(callId);
    this.#recent.set(callId, leg.context);
    this.#forgetOldest();
    if (session.recovered) leg.wasAnswered = true;
  }

  headers(session: DialogSession): readonly HeaderField[] {
    const leg = this.#legs.get(session.id);
    return this.#propagate && leg ? [['Traceparent', printTraceparent(leg.span.spanContext())]] : [];
  }

  handle<T>(session: DialogSession, work: () => T): T {
    const leg = this.#legs.get(session.id);
    return leg ? contexts.with(leg.context, work) : work();
  }

  activity(session: DialogSession, name: ActivityName, facts: ActivityFacts): Activity {
    return this.#safely(() => this.#begin(session, name, facts)) ?? nothing;
  }

  #begin(session: DialogSession, name: ActivityName, facts: ActivityFacts): Activity {
    const leg = this.#legs.get(session.id);
    if (!leg?.call.isTraced) return nothing;
    const { call } = leg;
    const active = contexts.active();
    // Below what the script itself does for this leg, such as a step.
    const parent = active.getValue(legKey) === session.id ? active : leg.context;
    const attributes = activityAttributes(name, facts, this.#numbers);
    const span = this.#tracer.startSpan(activityTitle(name, facts), { startTime: call.time(), attributes }, parent);
    const own = trace.setSpan(parent, span).setValue(legKey, session.id);
    return {
      run: (work) => contexts.with(own, work),
      end: (result = {}, error) =>
        this.#safely(() => {
          span.setAttributes(activityAttributes(name, result, this.#numbers));
          if (error !== undefined && !isEnd(error)) {
            const type = errorType(error);
            span.setAttribute('error.type', type);
            span.setStatus({ code: SpanStatusCode.ERROR, message: type });
          }
          span.end(call.time());
        }),
    };
  }

  /** A provider is somebody else's: what it throws is no call's concern. */
  #safely<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'a call could not be traced');
      return undefined;
    }
  }

  // ---- the life of a call

  #beginLeg({ id, callId, transport }: DialogSession, birth: LegBirth, call: CallTrace): Span {
    const { direction, requestUri } = birth;
    const attributes: Attributes = {
      ...this.#addresses(birth),
      'sip.call_id': callId,
      'tandem.session.id': id,
      'sip.request.uri': shownNumber(requestUri, this.#numbers),
      'network.protocol.name': 'sip',
      'network.transport': transport === 'udp' ? 'udp' : 'tcp',
    };
    const kind = direction === 'outbound' ? SpanKind.CLIENT : SpanKind.INTERNAL;
    return this.#tracer.startSpan(`leg ${direction}`, { kind, startTime: call.time(), attributes }, call.context);
  }

  #beginCall(session: DialogSession, birth: LegBirth): CallTrace {
    const parent = this.#parentOf(session);
    // What a script does for one call is no part of another's trace, but may be asked for from there.
    const active = trace.getSpanContext(contexts.active());
    const call = new CallTrace(this.#clock, parent, (startTime) =>
      this.#tracer.startSpan(
        'call',
        {
          kind: birth.direction === 'inbound' ? SpanKind.SERVER : SpanKind.INTERNAL,
          startTime,
          links: active ? [{ context: active }] : [],
          attributes: { 'tandem.call.direction': birth.direction },
        },
        parent,
      ),
    );
    if (call.isTraced)
      call.span.setAttributes({
        ...this.#addresses(birth),
        'sip.call_id': session.callId,
        ...(session.recovered ? { 'tandem.call.recovered': true } : {}),
      });
    this.#calls.set(session.data, call);
    return call;
  }

  #parentOf({ inviteRequest }: DialogSession): Context {
    const text = this.#propagate && inviteRequest ? header(inviteRequest, 'traceparent') : undefined;
    const remote = text === undefined ? undefined : parseTraceparent(text);
    return remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT;
  }

  #addresses({ fromUri, toUri }: LegBirth): Attributes {
    return {
      'sip.from.uri': shownNumber(fromUri, this.#numbers),
      'sip.to.uri': shownNumber(toUri, this.#numbers),
    };
  }

  #listen(observer: Observer<TandemEvents>): readonly Unsubscribe[] {
    const on = <K extends LegEvent>(name: K, hear: (leg: LegTrace, event: TandemEvents[K]) => void): Unsubscribe =>
      observer.on(name, (event) => {
        const leg = this.#legs.get(event.sessionId);
        if (leg?.call.isTraced) hear(leg, event);
      });
    return [
      on('call:early', (leg, { status }) => leg.enter('ringing', { 'sip.response.status_code': status })),
      on('call:answered', (leg) => {
        leg.wasAnswered = true;
        leg.leave('ringing');
        leg.enter('answered');
      }),
      on('call:confirmed', (leg) => leg.note('acknowledged')),
      on('call:replaced', (leg, { peer, peerCallId }) =>
        leg.note('replaced', { 'sip.peer.uri': shownNumber(peer, this.#numbers), 'sip.peer.call_id': peerCallId }),
      ),
      on('call:held', (leg, { by }) => leg.enter(`hold by ${by}`)),
      on('call:resumed', (leg, { by }) => leg.leave(`hold by ${by}`)),
      on('call:parked', (leg) => leg.enter('parked')),
      on('call:taken', (leg) => leg.note('taken')),
      on('call:unparked', (leg, { reason }) => leg.leave('parked', { 'tandem.end.reason': reason })),
      on('conference:joined', (leg, { conference, members }) =>
        leg.enter('conference', {
          'tandem.conference.name': conference,
          'tandem.conference.members': members,
        }),
      ),
      on('conference:left', (leg) => leg.leave('conference')),
      on('media:started', (leg, { codec }) => {
        leg.hadMedia = true;
        leg.note('media started', { 'tandem.media.codec': codec });
      }),
      on('media:timeout', (leg, { silentMs }) => leg.note('no RTP', { 'tandem.media.silent_ms': silentMs })),
      on('media:srtp', (leg, { problem }) => leg.note('SRTP problem', { 'tandem.media.problem': problem })),
      on('media:ice', (leg, { state }) => leg.note(`ICE ${state}`)),
      on('media:dtls', (leg, { state, error }) => leg.note(`DTLS ${state}`, error ? { 'error.message': error } : {})),
      on('media:failed', (leg, { recovering }) => leg.note('media failed', { 'tandem.media.recovering': recovering })),
      on('recording:failed', (leg, { code }) => leg.note('recording failed', { 'error.type': code })),
      on('media:stats', (leg, { sessionId, stats }) => {
        leg.measured(stats);
        if (leg.endedAt !== undefined) this.#close(sessionId, leg);
      }),
      observer.on('call:ended', ({ sessionId, cause }) => {
        const leg = this.#legs.get(sessionId);
        if (leg) this.#ended(sessionId, leg, cause);
      }),
    ];
  }

  #ended(id: string, leg: LegTrace, cause: TandemEvents['call:ended']['cause']): void {
    if (leg.call.isTraced) leg.ended(cause);
    if (!leg.hadMedia) this.#close(id, leg);
    else
      this.#timers.set(
        leg,
        this.#clock.setTimer(statsMs, () => this.#close(id, leg), 'last statistics of a leg'),
      );
  }

  #close(id: string, leg: LegTrace): void {
    this.#timers.get(leg)?.cancel();
    this.#timers.delete(leg);
    this.#legs.delete(id);
    leg.close();
    leg.call.legs--;
    if (leg.call.legs === 0) leg.call.close();
  }

  /** Those of calls that run may go as well where there are more of them: their HTTP is in no trace then. */
  #forgetOldest(): void {
    const [oldest] = this.#recent.keys();
    if (oldest !== undefined && this.#recent.size > mostRecent + this.#legs.size) this.#recent.delete(oldest);
  }

  /** Ends what is open. Idempotent. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const [id, leg] of [...this.#legs]) this.#close(id, leg);
    this.#recent.clear();
  }
}

/** Events of one leg. */
type LegEvent = {
  [K in keyof TandemEvents]: TandemEvents[K] extends { readonly sessionId: string } ? K : never;
}[keyof TandemEvents];

const nothing: Activity = { run: (work) => work(), end: () => {} };

/** The end of the call is no failure of what it cuts off. */
function isEnd(error: unknown): boolean {
  return (
    (error instanceof TandemError && (error.code === 'ERR_DIALOG_ENDED' || error.code === 'ERR_MEDIA_CLOSED')) ||
    (error instanceof Error && error.name === 'AbortError')
  );
}

/** A code and no text: in that may be numbers. */
function errorType(error: unknown): string {
  if (error instanceof TandemError) return error.status === undefined ? error.code : `${error.code} ${error.status}`;
  return error instanceof Error ? error.name : 'error';
}
