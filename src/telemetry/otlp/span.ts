/** A span that is recorded here until it ends, and then goes to the queue. */
import type {
  Attributes,
  AttributeValue,
  Exception,
  Link,
  Span,
  SpanContext,
  SpanKind,
  SpanStatus,
  TimeInput,
} from '@opentelemetry/api';
import type { Clock } from '../../base/clock.ts';

/** What one span may hold: whoever sets more loses it. */
const mostAttributes = 128;
const mostEvents = 128;
const mostLinks = 32;
const longestText = 4_096;

export interface SpanEvent {
  readonly name: string;
  /** Unix ms. */
  readonly at: number;
  readonly attributes: Attributes;
}

/** All that is told of a span. */
export interface FinishedSpan {
  readonly name: string;
  readonly scope: SpanScope;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly kind: SpanKind;
  /** Unix ms. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly Link[];
  readonly status: SpanStatus;
  /** Attributes, events and links there was no room for. */
  readonly dropped: { readonly attributes: number; readonly events: number; readonly links: number };
}

/** Who made it: the tracer's name and version. */
export interface SpanScope {
  readonly name: string;
  readonly version: string | undefined;
}

export interface SpanBirth {
  readonly name: string;
  readonly scope: SpanScope;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly kind: SpanKind;
  readonly start: TimeInput | undefined;
  readonly attributes: Attributes | undefined;
  readonly links: readonly Link[];
}

export class RecordedSpan implements Span {
  readonly #birth: SpanBirth;
  readonly #clock: Clock;
  readonly #done: (span: FinishedSpan) => void;
  readonly #start: number;
  /** Of the clock: an end that is not said is counted from it, whatever becomes of the time of day. */
  readonly #startNow: number;
  readonly #attributes: Record<string, AttributeValue | undefined> = {};
  readonly #events: SpanEvent[] = [];
  readonly #links: Link[] = [];
  readonly #dropped = { attributes: 0, events: 0, links: 0 };
  #attributeCount = 0;
  #name: string;
  #status: SpanStatus = { code: 0 };
  #ended = false;

  constructor(birth: SpanBirth, clock: Clock, done: (span: FinishedSpan) => void) {
    this.#birth = birth;
    this.#clock = clock;
    this.#done = done;
    this.#name = birth.name;
    this.#start = birth.start === undefined ? clock.wallclock() : toUnixMs(birth.start);
    this.#startNow = clock.now();
    if (birth.attributes) this.setAttributes(birth.attributes);
    this.addLinks([...birth.links]);
  }

  spanContext(): SpanContext {
    return this.#birth.context;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this.#ended || key === '' || value === undefined || value === null) return this;
    if (!Object.hasOwn(this.#attributes, key)) {
      if (this.#attributeCount >= mostAttributes) {
        this.#dropped.attributes++;
        return this;
      }
      this.#attributeCount++;
    }
    this.#attributes[key] = typeof value === 'string' ? value.slice(0, longestText) : value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) this.setAttribute(key, value);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.#ended) return this;
    if (this.#events.length >= mostEvents) {
      this.#dropped.events++;
      return this;
    }
    const isTime = isTimeInput(attributesOrTime);
    const at = isTime ? attributesOrTime : time;
    const attributes = isTime ? {} : (attributesOrTime ?? {});
    this.#events.push({ name, at: at === undefined ? this.#now() : toUnixMs(at), attributes });
    return this;
  }

  addLink(link: Link): this {
    if (this.#ended) return this;
    if (this.#links.length < mostLinks) this.#links.push(link);
    else this.#dropped.links++;
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus(status: SpanStatus): this {
    if (!this.#ended) this.#status = status;
    return this;
  }

  updateName(name: string): this {
    if (!this.#ended) this.#name = name;
    return this;
  }

  isRecording(): boolean {
    return !this.#ended;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { name, message, stack } = typeof exception === 'string' ? { message: exception } : Object(exception);
    const attributes: Attributes = {
      ...(name === undefined ? {} : { 'exception.type': String(name) }),
      'exception.message': String(message ?? '').slice(0, longestText),
      ...(stack === undefined ? {} : { 'exception.stacktrace': String(stack).slice(0, longestText) }),
    };
    this.addEvent('exception', attributes, time);
  }

  /** A second end says nothing. */
  end(endTime?: TimeInput): void {
    if (this.#ended) return;
    this.#ended = true;
    const { scope, context, parent, kind } = this.#birth;
    this.#done({
      ...{ name: this.#name, scope, context, parent, kind, status: this.#status, dropped: this.#dropped },
      start: this.#start,
      end: Math.max(this.#start, endTime === undefined ? this.#now() : toUnixMs(endTime)),
      attributes: this.#attributes,
      events: this.#events,
      links: this.#links,
    });
  }

  #now(): number {
    return this.#start + (this.#clock.now() - this.#startNow);
  }
}

function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === 'number' || Array.isArray(value) || (value instanceof Object && 'getTime' in value);
}

function toUnixMs(time: TimeInput): number {
  if (typeof time === 'number') return time;
  return Array.isArray(time) ? time[0] * 1000 + time[1] / 1e6 : time.getTime();
}
