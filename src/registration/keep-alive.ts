/** NATs and firewalls forget a way that nothing takes: an empty message now and then keeps it (RFC 5626 §4.4.1). */
import type { Clock, Timer } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { PeerFlow } from '../sip/transport/flow.ts';
import { keepAliveMs } from './timing.ts';

const ping = new Uint8Array([0x0d, 0x0a, 0x0d, 0x0a]);

export class KeepAlive {
  readonly #clock: Clock;
  readonly #random: Random;
  #timer: Timer | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** In place of the way before. @param every milliseconds; 0: not at all */
  start(flow: PeerFlow | undefined, every: number): void {
    this.stop();
    if (!flow || every === 0) return;
    const next = (): void => {
      this.#timer = this.#clock.setTimer(keepAliveMs(every, this.#random), send, 'keep-alive');
    };
    const send = (): void => {
      flow.send(ping, () => {});
      next();
    };
    next();
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
