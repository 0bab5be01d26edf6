/** One call as one trace: its span is the root of all, or what goes on here of the trace of its caller. */
import { type Attributes, type Context, createContextKey, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Clock } from '../base/clock.ts';

/** In contexts of a leg: the id of its session. */
export const legKey = createContextKey('tandem.leg');

/** How a leg ended. */
export interface Outcome {
  readonly failed: boolean;
  readonly attributes: Attributes;
  /** Of several the one with the most is how the call ended: others were tried, or hung up by us. */
  readonly weight: number;
}

export class CallTrace {
  readonly span: Span;
  readonly context: Context;
  /** Its spans go somewhere. */
  readonly isTraced: boolean;
  /** Legs whose spans are open. */
  legs = 0;
  readonly #clock: Clock;
  readonly #bornAt: number;
  readonly #bornNow: number;
  #endedAt = 0;
  #outcome: Outcome | undefined;

  /**
   * @param start makes the span
   * @param parent what it is a part of
   */
  constructor(clock: Clock, parent: Context, start: (at: number) => Span) {
    this.#clock = clock;
    this.#bornAt = clock.wallclock();
    this.#bornNow = clock.now();
    this.span = start(this.#bornAt);
    this.isTraced = this.span.isRecording();
    this.context = trace.setSpan(parent, this.span);
  }

  /** Unix ms, that goes on evenly from the beginning of the call whatever becomes of the time of day. */
  time(): number {
    return this.#bornAt + (this.#clock.now() - this.#bornNow);
  }

  legEnded(outcome: Outcome): void {
    this.#endedAt = this.time();
    if (outcome.weight >= (this.#outcome?.weight ?? 0)) this.#outcome = outcome;
  }

  close(): void {
    if (this.#outcome) this.span.setAttributes(this.#outcome.attributes);
    if (this.#outcome?.failed) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.end(this.#endedAt === 0 ? this.time() : this.#endedAt);
  }
}
