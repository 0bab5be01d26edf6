/** The spans of one leg: the leg itself, its ringing and its talking, and what it does meanwhile. */
import { type Attributes, type Context, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { LegStats } from '../../media/index.ts';
import type { EndCause } from '../session/errors.ts';
import { isFailure } from '../sip/trace/trace.ts';
import { type CallTrace, legKey } from './call-trace.ts';

/** What goes on for a while, at most once at a time. */
type Phase = 'ringing' | 'answered' | 'hold by local' | 'hold by remote' | 'conference' | 'parked';

export interface LegIdentity {
  readonly callId: string;
  readonly sessionId: string;
  readonly isCaller: boolean;
}

export class LegTrace {
  readonly call: CallTrace;
  readonly callId: string;
  readonly span: Span;
  /** For what is a part of the leg. */
  readonly context: Context;
  /** Unix ms of its end; its last statistics may be under way then. */
  endedAt: number | undefined;
  /** It had audio, of which statistics come behind its end. */
  hadMedia = false;
  wasAnswered = false;
  /** It is who calls: how its leg ends is how the call does. */
  readonly #isCaller: boolean;
  readonly #tracer: Tracer;
  readonly #phases = new Map<Phase, Span>();

  constructor(call: CallTrace, tracer: Tracer, { callId, sessionId, isCaller }: LegIdentity, span: Span) {
    this.call = call;
    this.callId = callId;
    this.#isCaller = isCaller;
    this.span = span;
    this.#tracer = tracer;
    this.context = trace.setSpan(call.context, span).setValue(legKey, sessionId);
  }

  enter(phase: Phase, attributes: Attributes = {}): void {
    if (this.endedAt !== undefined || this.#phases.has(phase)) return;
    const span = this.#tracer.startSpan(phase, { startTime: this.call.time(), attributes }, this.context);
    this.#phases.set(phase, span);
  }

  leave(phase: Phase, attributes: Attributes = {}): void {
    const span = this.#phases.get(phase);
    if (!span) return;
    this.#phases.delete(phase);
    span.setAttributes(attributes);
    span.end(this.call.time());
  }

  note(name: string, attributes: Attributes = {}): void {
    this.span.addEvent(name, attributes, this.call.time());
  }

  /** The leg is over; its span ends with `close`. */
  ended({ by, status, reason, method }: EndCause): void {
    this.endedAt = this.call.time();
    for (const phase of [...this.#phases.keys()]) this.leave(phase);
    const failed = by === 'error' || by === 'timeout' || by === 'crash' || isFailure(status ?? 0);
    const attributes: Attributes = {
      'tandem.end.by': by,
      ...(status === undefined ? {} : { 'sip.response.status_code': status }),
      ...(reason === undefined ? {} : { 'tandem.end.reason': reason }),
      ...(method === undefined ? {} : { 'sip.end.method': method }),
      ...(failed ? { 'error.type': status === undefined ? by : String(status) } : {}),
    };
    this.span.setAttributes(attributes);
    if (failed) this.span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(by, status) });
    const weight = this.#isCaller ? 2 : Number(this.wasAnswered);
    this.call.legEnded({ failed, attributes, weight });
  }

  /** How it sounded. */
  measured({ codec, received, sent, rtcp, srtp }: LegStats): void {
    const figures: Record<string, string | number | undefined> = {
      'tandem.media.codec': codec,
      'tandem.media.mos': received.mos,
      'tandem.media.sent.mos': sent.mos,
      'tandem.media.received.packets': received.packets,
      'tandem.media.received.lost': received.lost,
      'tandem.media.received.jitter_ms': Math.round(received.jitterMs * 100) / 100,
      'tandem.media.sent.packets': sent.packets,
      'tandem.media.round_trip_ms': rtcp.roundTripMs,
      'tandem.media.srtp': srtp?.profile,
    };
    for (const [name, value] of Object.entries(figures)) if (value !== undefined) this.span.setAttribute(name, value);
  }

  /** Nothing more is to be said of it. */
  close(): void {
    for (const phase of [...this.#phases.keys()]) this.leave(phase);
    this.span.end(this.endedAt ?? this.call.time());
  }
}

function messageOf(by: EndCause['by'], status: number | undefined): string {
  return status === undefined ? `ended by ${by}` : `SIP ${status}`;
}
