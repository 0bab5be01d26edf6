import { describe, expect, it } from 'vitest';
import { giveUp, patience, Recovery, retry, StallWatch, settling } from '../../../src/console/web/phone/recovery.ts';

/** Time by hand, and what the recovery did. */
class Bench {
  readonly did: string[] = [];
  possible = true;
  /** How often the server was asked whether it is there. */
  probed = 0;
  #now = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];
  readonly recovery = new Recovery({
    restart: () => {
      this.did.push(this.possible ? `restart ${this.#now}` : `not yet ${this.#now}`);
      return this.possible;
    },
    probe: () => void this.probed++,
    giveUp: () => void this.did.push(`give up ${this.#now}`),
    troubled: (yes) => void this.did.push(yes ? 'troubled' : 'well'),
    timer: (ms, callback) => {
      const timer = { at: this.#now + ms, callback };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
      };
    },
  });

  advance(ms: number): this {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
    return this;
  }

  get timers(): number {
    return this.#timers.length;
  }
}

function connected(): Bench {
  const bench = new Bench();
  bench.recovery.ice('checking');
  bench.recovery.ice('connected');
  return bench;
}

describe('a call whose network goes', () => {
  it('is left alone when ICE comes back by itself', () => {
    const bench = connected();
    bench.recovery.ice('disconnected');
    bench.advance(patience - 1).recovery.ice('connected');
    expect(bench.advance(60_000).did).toEqual(['troubled', 'well']);
    expect(bench.timers).toBe(0);
  });

  it('restarts ICE after a while of silence, and again until it is back', () => {
    const bench = connected();
    bench.recovery.ice('disconnected');
    bench.advance(patience + retry);
    bench.recovery.ice('checking');
    bench.recovery.ice('connected');
    bench.advance(60_000);
    expect(bench.did).toEqual(['troubled', `restart ${patience}`, `restart ${patience + retry}`, 'well']);
    expect(bench.timers).toBe(0);
  });

  it('restarts at once when ICE has failed', () => {
    const bench = connected();
    bench.recovery.ice('disconnected');
    bench.recovery.ice('failed');
    expect(bench.advance(0).did).toEqual(['troubled', 'restart 0']);
  });

  it('waits for the server before it restarts, then does so at once', () => {
    const bench = connected();
    bench.recovery.signalling(false);
    bench.recovery.ice('disconnected');
    bench.advance(10_000);
    expect(bench.did).toEqual(['troubled']);
    bench.recovery.signalling(true);
    expect(bench.advance(0).did).toEqual(['troubled', 'restart 10000']);
  });

  it('restarts nothing when only the server was away, as after its restart', () => {
    const bench = connected();
    bench.recovery.signalling(false);
    bench.advance(giveUp * 3);
    bench.recovery.signalling(true);
    expect(bench.advance(60_000).did).toEqual(['troubled', 'well']);
  });

  it('restarts at once on another network, even if ICE has not seen it yet', () => {
    const bench = connected();
    bench.recovery.networkChanged();
    bench.advance(0);
    bench.recovery.ice('connected');
    expect(bench.advance(60_000).did).toEqual(['restart 0']);
  });

  it('asks at once whether the server is there when packets stop, and does nothing more while it is', () => {
    const bench = connected();
    bench.recovery.media(true);
    expect(bench.probed).toBe(1);
    expect(bench.advance(60_000).did).toEqual([]);
    bench.recovery.ice('disconnected');
    expect(bench.probed).toBe(2);
  });

  it('restarts soon after the server is back when packets stopped as well, if they do not come by themselves', () => {
    const bench = connected();
    bench.recovery.media(true);
    bench.recovery.signalling(false);
    bench.advance(3_000).recovery.signalling(true);
    expect(bench.advance(settling).did).toEqual(['troubled', `restart ${3_000 + settling}`]);
    const other = connected();
    other.recovery.signalling(false);
    other.recovery.media(true);
    other.advance(3_000).recovery.signalling(true);
    other.advance(settling / 2).recovery.media(false);
    expect(other.advance(60_000).did).toEqual(['troubled', 'well']);
  });

  it('tries again soon when a re-INVITE cannot be sent just now', () => {
    const bench = connected();
    bench.possible = false;
    bench.recovery.networkChanged();
    bench.advance(600);
    bench.possible = true;
    bench.advance(500);
    expect(bench.did).toEqual(['not yet 0', 'not yet 500', 'restart 1000']);
  });

  it('is given up after 30 s of silence, checks that come to nothing not counted as sound', () => {
    const bench = connected();
    bench.recovery.signalling(false);
    bench.recovery.ice('disconnected');
    bench.advance(10_000).recovery.ice('checking');
    bench.advance(giveUp - 10_000 - 1);
    expect(bench.did).toEqual(['troubled']);
    expect(bench.advance(1).did).toEqual(['troubled', `give up ${giveUp}`]);
  });

  it('leaves no timer behind', () => {
    const bench = connected();
    bench.recovery.ice('failed');
    bench.recovery.close();
    bench.recovery.networkChanged();
    expect(bench.timers).toBe(0);
    expect(bench.advance(60_000).did).toEqual(['troubled']);
  });
});

describe('a stream that stops', () => {
  const looks = (counts: readonly number[]): boolean[] => {
    const watch = new StallWatch();
    return counts.map((count, i) => watch.look(count, 500 * i));
  };

  it('is told from one that flows', () => {
    expect(looks([0, 25, 50, 75, 75, 75, 75, 100])).toEqual([false, false, false, false, false, false, true, false]);
  });

  it('is told in whatever moment it ends', () => {
    expect(looks([0, 25, 50, 52, 52, 52, 52]).at(-1)).toBe(true);
  });

  it('is no longer one when only the checks of ICE go on, as in a call that is held', () => {
    const counts = [25, 50, 50, 50, 50, 51, 51, 51, 51, 52, 52, 52, 52, 52, 53];
    expect(looks(counts).slice(9)).toEqual([false, false, false, false, false, false]);
  });
});
