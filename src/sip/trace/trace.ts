/**
 * What was on the wire, by call (Call-ID): all of it while a call runs, and for a while afterwards if it failed. Bytes
 * as they were sent and received are kept and nothing is read of them until somebody asks.
 */
import type { Clock } from '../../base/clock.ts';
import type { SipResponse } from '../message.ts';
import { ownText } from '../own-text.ts';
import { hostPort } from '../transport/address.ts';
import type { SipTransportName } from '../transport/kinds.ts';
import { CallTrace, Shelf, type WireMessage } from './call-trace.ts';
import type { TraceSettings } from './options.ts';
import { redact } from './redact.ts';

export interface TraceMessage {
  /** Unix milliseconds. */
  readonly at: number;
  readonly direction: 'in' | 'out';
  readonly transport: SipTransportName;
  /** `host:port` of ours and of the peer. */
  readonly local: string;
  readonly remote: string;
  /** The message; credentials, keys and DTMF digits are `***`. */
  readonly text: string;
}

/** So many calls run at once in any case. */
const mostRunning = 1_000_000;

export class SipTrace {
  readonly #clock: Clock;
  readonly #keep: TraceSettings['keep'];
  readonly #keepFor: number;
  readonly #running: Shelf;
  readonly #kept: Shelf;

  constructor({ keep, maxCalls, keepFor, maxBytes }: TraceSettings, clock: Clock) {
    this.#clock = clock;
    this.#keep = keep;
    this.#keepFor = keepFor;
    this.#running = new Shelf(mostRunning, maxBytes / 2);
    this.#kept = new Shelf(maxCalls, maxBytes / 2);
  }

  /** The messages of a call, in order; none when nothing is known of it. */
  of(callId: string): TraceMessage[] {
    this.#expire();
    const trace = this.#running.get(callId) ?? this.#kept.get(callId);
    return trace?.messages.map(readable) ?? [];
  }

  /** @param begins an INVITE outside a dialog: what belongs to no call is not kept */
  record(callId: string, message: WireMessage, begins: boolean): void {
    if (this.#keep === 'none') return;
    for (const shelf of [this.#running, this.#kept]) {
      const trace = shelf.get(callId);
      if (!trace) continue;
      shelf.add(trace, message);
      return;
    }
    if (!begins) return;
    const trace = new CallTrace();
    trace.add(message);
    this.#running.put(ownText(callId), trace);
  }

  /** A final response to an INVITE was sent or received. */
  judge({ status, headers: { callId } }: SipResponse): void {
    if (status >= 300) {
      if (isFailure(status) && this.#running.get(callId)?.answered === false) this.#putAway(callId);
      return;
    }
    // A call that was challenged and came again is no failure any more.
    const trace = this.#kept.take(callId);
    if (trace) this.#running.put(ownText(callId), trace);
    const answered = trace ?? this.#running.get(callId);
    if (answered) answered.answered = true;
  }

  /** Keeps the messages of a call that runs, however it ends. */
  keep(callId: string): void {
    const trace = this.#running.get(callId);
    if (trace) trace.wanted = true;
  }

  /** The call is over. @param failed whether somebody may want to know why */
  ended(callId: string, failed: boolean): void {
    const isWanted = this.#running.get(callId)?.wanted === true;
    if (failed || isWanted || this.#keep === 'all') this.#putAway(callId);
    else if (!this.#running.take(callId)) this.#kept.take(callId);
  }

  #putAway(callId: string): void {
    const trace = this.#running.take(callId);
    if (!trace) return;
    this.#expire();
    trace.detach();
    trace.keptAt = this.#clock.now();
    this.#kept.put(ownText(callId), trace);
  }

  #expire(): void {
    this.#kept.expire(this.#clock.now() - this.#keepFor);
  }
}

/** Whoever gives up a call that rings does not want to know why it came to nothing. */
export function isFailure(status: number): boolean {
  return status >= 400 && status !== 487;
}

function readable(message: WireMessage): TraceMessage {
  const { at, direction, transport, localAddress, localPort, address, port, bytes } = message;
  return {
    at,
    direction,
    transport,
    local: hostPort(localAddress, localPort),
    remote: hostPort(address, port),
    text: redact(Buffer.from(bytes).toString('utf8')),
  };
}
