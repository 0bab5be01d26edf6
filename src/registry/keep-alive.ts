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
  readonly #asked = new Map<DialogRecord, readonly Asked[]>();
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
    const due = this.#now() + kaInterval;
    this.#asked.set(
      record,
      (['caller', 'callee'] as const).map((side) => ({ side, due, failed: 0, waiting: false })),
    );
    this.#timer ??= this.#wheel.set(kaTimer, () => this.#look());
  }

  close(): void {
    this.#timer?.cancel();
    this.#asked.clear();
  }

  #look(): void {
    const now = this.#now();
    for (const [record, sides] of this.#asked)
      if (record.state !== confirmed) this.#asked.delete(record);
      else
        for (const asked of sides)
          if (asked.due <= now && !asked.waiting && record.isSet(asked.side === 'caller' ? 'ka-src' : 'ka-dst'))
            void this.#ask(record, asked);
    this.#timer = this.#asked.size > 0 ? this.#wheel.set(this.#settings.kaTimer, () => this.#look()) : undefined;
  }

  async #ask(record: DialogRecord, asked: Asked): Promise<void> {
    asked.due = this.#now() + this.#settings.kaInterval;
    // Where we are the callee there is nobody to ask.
    const leg = asked.side === 'caller' ? record.caller : record.callee;
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
