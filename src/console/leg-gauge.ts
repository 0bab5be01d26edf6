/** Measures one leg while somebody looks: how loud both sides are, ten times a second, and a point of it each second. */
import type { LegStats, MediaLeg } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import type { MediaPoint } from './protocol.ts';

const readingsPerPoint = 10;
/** A reading is of 100 ms, and a level is told for each 50. */
const levelsPerReading = 2;
const silence = -96;

export class LegGauge {
  readonly leg: MediaLeg;
  readonly #clock: Clock;
  readonly #meter: { stop(): void };
  #received: number[] = [];
  #sent: number[] = [];
  #before: LegStats['received'] | undefined;
  #isBusy = false;

  constructor(leg: MediaLeg, clock: Clock) {
    this.leg = leg;
    this.#clock = clock;
    // One of its own: a script may have another, and stop it.
    this.#meter = leg.analyse({ kind: 'level' }, { onFound: () => {}, onOver: () => {} });
  }

  /** @returns a point with every tenth; never rejects */
  async read(): Promise<MediaPoint | undefined> {
    // An engine that is slow is not asked more and more.
    if (this.#isBusy) return undefined;
    this.#isBusy = true;
    const stats = await this.leg.stats().catch(() => undefined);
    this.#isBusy = false;
    if (!stats) return undefined;
    for (let i = 0; i < levelsPerReading; i++) {
      this.#received.push(Math.round(stats.level?.in ?? silence));
      this.#sent.push(Math.round(stats.level?.out ?? silence));
    }
    if (this.#received.length < readingsPerPoint * levelsPerReading) return undefined;
    const [received, sent] = [this.#received, this.#sent];
    this.#received = [];
    this.#sent = [];
    const before = this.#before ?? { packets: 0, lost: 0 };
    this.#before = stats.received;
    const lost = Math.max(0, stats.received.lost - before.lost);
    const expected = lost + Math.max(0, stats.received.packets - before.packets);
    return {
      at: Math.round(this.#clock.wallclock()),
      loss: expected === 0 ? 0 : Math.round((1000 * lost) / expected) / 10,
      jitter: Math.round(stats.received.jitterMs * 10) / 10,
      rtt: stats.rtcp.roundTripMs,
      mos: stats.received.mos,
      received,
      sent,
    };
  }

  close(): void {
    this.#meter.stop();
  }
}
