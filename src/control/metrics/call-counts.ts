/** What the observer's events add up to. Plain numbers, since a busy server has tens of thousands of messages a second. */
import type { Clock } from '../../base/clock.ts';
import type { Unsubscribe } from '../../base/events.ts';
import type { SipEvent } from '../../session/events.ts';
import type { ObservedTandem } from '../http/subject.ts';

export type CallState = 'initial' | 'early' | 'answered' | 'confirmed';
export type CallDirection = 'inbound' | 'outbound';

interface LiveCall {
  readonly direction: CallDirection;
  readonly since: number;
  state: CallState;
}

/** How a call sounded: of its end. */
export interface CallQuality {
  readonly side: 'received' | 'sent';
  readonly loss: number | undefined;
  /** Seconds. */
  readonly jitter: number | undefined;
  readonly mos: number | undefined;
}

export interface CallListeners {
  /** @param seconds from the INVITE to its answer */
  answered(direction: CallDirection, seconds: number): void;
  ended(quality: CallQuality): void;
}

/** A peer makes no series of its own by inventing names. */
const methods = new Set(
  'INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK UPDATE INFO REFER NOTIFY SUBSCRIBE MESSAGE PUBLISH'.split(' '),
);
/** Statuses told apart; of others it is the class. */
const statuses = new Set([
  100, 180, 181, 182, 183, 199, 200, 202, 300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410,
  412, 413, 414, 415, 416, 417, 420, 421, 422, 423, 430, 433, 436, 437, 438, 439, 440, 469, 470, 480, 481, 482, 483,
  484, 485, 486, 487, 488, 489, 491, 493, 494, 500, 501, 502, 503, 504, 505, 513, 580, 600, 603, 604, 606, 607, 608,
]);

export class CallCounts {
  /** Legs that there are, by state and direction. */
  readonly live = new Map<string, number>(
    ['initial', 'early', 'answered', 'confirmed'].flatMap((state) => [
      [`${state} inbound`, 0],
      [`${state} outbound`, 0],
    ]),
  );
  /** By direction. */
  readonly created = new Map<string, number>();
  /** By direction and by who ended it. */
  readonly ended = new Map<string, number>();
  /** What became of ways to peers (ICE), and of handshakes for keys (DTLS): `ice connected`, `dtls failed`, … */
  readonly ways = new Map<string, number>();
  /** Checks of ICE and records of DTLS that were refused, by cause; a leg is counted at its end. */
  readonly refused = new Map<string, number>();
  /** By direction and method. */
  readonly requests = new Map<string, number>();
  /** By direction, method and status. */
  readonly responses = new Map<string, number>();
  readonly #calls = new Map<string, LiveCall>();
  readonly #clock: Clock;
  readonly #listeners: CallListeners;
  readonly #ends: readonly Unsubscribe[];

  constructor({ observer }: ObservedTandem, clock: Clock, listeners: CallListeners) {
    this.#clock = clock;
    this.#listeners = listeners;
    this.#ends = [
      observer.on('call:created', ({ sessionId, direction }) => this.#created(sessionId, direction)),
      observer.on('call:early', ({ sessionId }) => this.#moved(sessionId, 'early')),
      observer.on('call:answered', ({ sessionId }) => this.#moved(sessionId, 'answered')),
      observer.on('call:confirmed', ({ sessionId }) => this.#moved(sessionId, 'confirmed')),
      observer.on('call:ended', ({ sessionId, cause }) => this.#ended(sessionId, cause.by)),
      observer.on('sip:request', (event) => count(this.requests, requestKey(event))),
      observer.on('sip:response', (event) => count(this.responses, responseKey(event))),
      observer.on('media:ice', ({ state }) => count(this.ways, `ice ${state}`)),
      observer.on('media:dtls', ({ state }) => count(this.ways, `dtls ${state}`)),
      observer.on('media:stats', ({ stats: { received, sent, rtcp, ice } }) => {
        if (ice) {
          for (const [cause, number] of Object.entries(ice.refused)) count(this.refused, cause, number);
          count(this.refused, 'dtls', ice.refusedRecords);
        }
        const { packets, lost, jitterMs, mos } = received;
        if (packets > 0) {
          const loss = Math.max(0, lost) / (packets + Math.max(0, lost));
          listeners.ended({ side: 'received', loss, jitter: jitterMs / 1000, mos });
        }
        const { remoteLost, remoteJitterMs } = rtcp;
        if (remoteLost === undefined && sent.mos === undefined) return;
        listeners.ended({
          side: 'sent',
          loss: remoteLost === undefined || sent.packets === 0 ? undefined : clamp(remoteLost / sent.packets),
          jitter: remoteJitterMs === undefined ? undefined : remoteJitterMs / 1000,
          mos: sent.mos,
        });
      }),
    ];
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #created(id: string, direction: CallDirection): void {
    this.#calls.set(id, { direction, since: this.#clock.now(), state: 'initial' });
    count(this.created, direction);
    count(this.live, `initial ${direction}`);
  }

  #moved(id: string, state: CallState): void {
    const call = this.#calls.get(id);
    if (!call) return;
    if (state === 'answered') this.#listeners.answered(call.direction, (this.#clock.now() - call.since) / 1000);
    count(this.live, `${call.state} ${call.direction}`, -1);
    call.state = state;
    count(this.live, `${state} ${call.direction}`);
  }

  #ended(id: string, by: string): void {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    count(this.live, `${call.state} ${call.direction}`, -1);
    count(this.ended, `${call.direction} ${by}`);
  }
}

function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function requestKey({ direction, method }: SipEvent): string {
  return `${direction} ${methodName(method)}`;
}

function responseKey({ direction, method, status = 0 }: SipEvent): string {
  const name = statuses.has(status) ? String(status) : `${Math.floor(status / 100)}xx`;
  return `${direction} ${methodName(method)} ${name}`;
}

function methodName(method: string): string {
  return methods.has(method) ? method : 'other';
}
