/** How the server is, once a second, and what it was like in the last ten minutes and the last day. */
import { availableParallelism } from 'node:os';
import type { ProcessProbe } from '../control/metrics/node-probe.ts';
import type { Totals } from './protocol.ts';
import type { ConsoleSubject } from './subject.ts';

const finePoints = 600;
/** Of these many seconds one point is kept for the day. */
const coarseS = 300;
const coarsePoints = 288;

interface Reading {
  readonly at: number;
  readonly processed: number;
  readonly messages: number;
  readonly cpuSeconds: number;
}

export class TotalsBook {
  readonly #subject: ConsoleSubject;
  readonly #probe: Pick<ProcessProbe, 'cpuSeconds' | 'loopLag'>;
  readonly #fine: Totals[] = [];
  readonly #coarse: Totals[] = [];
  #last: Reading | undefined;
  #sinceCoarse = 0;

  constructor(subject: ConsoleSubject, probe: Pick<ProcessProbe, 'cpuSeconds' | 'loopLag'>) {
    this.#subject = subject;
    this.#probe = probe;
  }

  /** The oldest first: points of five minutes, then of a second. */
  get history(): readonly Totals[] {
    const [first] = this.#fine;
    return [...this.#coarse.filter(({ at }) => first === undefined || at < first.at), ...this.#fine];
  }

  /**
   * To be called about once a second.
   * @param at Unix ms @param mos the mean of what was measured lately
   */
  take(at: number, mos: number | undefined): Totals {
    const { registry, registrar, sipCounters } = this.#subject;
    const { active, early, processed, failed } = registry.statistics;
    const { starting } = registry.activeDialogs;
    const messages = sipCounters.received + sipCounters.sent;
    const cpuSeconds = this.#probe.cpuSeconds();
    const before = this.#last ?? { at, processed, messages, cpuSeconds };
    this.#last = { at, processed, messages, cpuSeconds };
    const seconds = (at - before.at) / 1000;
    // An operator may have set a count to 0, and somebody the clock back.
    const rate = (now: number, then: number): number => (seconds > 0 ? tenths(Math.max(0, now - then) / seconds) : 0);
    const busy = seconds > 0 ? (cpuSeconds - before.cpuSeconds) / seconds / availableParallelism() : 0;
    const totals: Totals = {
      at,
      active,
      early: early + starting,
      processed,
      failed,
      registered: registrar?.size ?? 0,
      callsPerSecond: rate(processed, before.processed),
      messagesPerSecond: rate(messages, before.messages),
      eventLoopDelay: tenths(this.#probe.loopLag().p99 * 1000),
      cpu: Math.round(Math.min(1, Math.max(0, busy)) * 1000) / 1000,
      mos,
    };
    this.#keep(totals);
    return totals;
  }

  #keep(totals: Totals): void {
    this.#fine.push(totals);
    if (this.#fine.length > finePoints) this.#fine.shift();
    if (this.#sinceCoarse++ % coarseS !== 0) return;
    this.#coarse.push(totals);
    if (this.#coarse.length > coarsePoints) this.#coarse.shift();
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
