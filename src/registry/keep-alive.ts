/** Peers are asked by OPTIONS whether they are still there: those of calls with `ka-src` or `ka-dst`. */
import type { DialogRecord } from './record.ts';
import type { Side } from './sides.ts';
import { confirmed } from './states.ts';
import type { TimerWheel, WheelTimer } from './timer-wheel.ts';

export interface KeepAliveSettings {
  /** Seconds between two looks. */
  readonly kaTimer: number;
  readonly kaInterval: number;
  readonly kaFailedLimit: number;
}

interface Asked {
  readonly record: DialogRecord;
  readonly side: Side;
  /** Monotonic seconds. */
  due: number;
  failed: number;
  waiting: boolean;
}

export class KeepAlive {
  readonly #settings: KeepAliveSettings;
  readonly #wheel: TimerWheel;
  readonly #now: () => number;
  readonly #asked = new Set<Asked>();
  #timer: WheelTimer | undefined;

  /** @param now monotonic seconds */
  constructor(settings: KeepAliveSettings, wheel: TimerWheel, now: () => number) {
    this.#settings = settings;
    this.#wheel = wheel;
    this.#now = now;
  }

  /** A call is confirmed. */
  add(record: DialogRecord): void {
    const { kaTimer, kaInterval } = this.#settings;
    if (kaTimer === 0 || kaInterval === 0) return;
    for (const side of ['caller', 'callee'] as const)
      this.#asked.add({ record, side, due: this.#now() + kaInterval, failed: 0, waiting: false });
    this.#timer ??= this.#wheel.set(kaTimer, () => this.#look());
  }

  close(): void {
    this.#timer?.cancel();
    this.#asked.clear();
  }

  #look(): void {
    const now = this.#now();
    for (const asked of this.#asked)
      if (asked.record.state !== confirmed) this.#asked.delete(asked);
      else if (asked.due <= now && !asked.waiting && asked.record.isSet(asked.side === 'caller' ? 'ka-src' : 'ka-dst'))
        void this.#ask(asked);
    this.#timer = this.#asked.size > 0 ? this.#wheel.set(this.#settings.kaTimer, () => this.#look()) : undefined;
  }

  async #ask(asked: Asked): Promise<void> {
    const { record, side } = asked;
    asked.due = this.#now() + this.#settings.kaInterval;
    // Where we are the callee there is nobody to ask.
    const leg = side === 'caller' ? record.caller : record.callee;
    if (leg?.state !== 'confirmed') return;
    asked.waiting = true;
    const status = await leg.request('OPTIONS').then(
      (response) => response.status,
      () => undefined,
    );
    asked.waiting = false;
    if (status !== 408 && status !== 481) asked.failed = 0;
    else if (++asked.failed >= this.#settings.kaFailedLimit) record.isUnreachable();
  }
}
