import { lookup } from 'node:dns/promises';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.ts';

/** Real turns of the event loop, in which nothing in here should happen. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock and what was noted on it, with the time of each note. */
function noted() {
  const clock = new FakeClock();
  const notes: [string, number][] = [];
  const note = (what: string) => (): void => void notes.push([what, clock.now()]);
  return { clock, notes, note };
}

describe('timers', () => {
  it('fire in the order of their due times, at those times', async () => {
    const { clock, notes, note } = noted();
    for (const ms of [30, 10, 20, 10.5]) clock.setTimer(ms, note(`${ms}`));
    await clock.advance(100);
    expect(notes).toEqual([
      ['10', 10],
      ['10.5', 10.5],
      ['20', 20],
      ['30', 30],
    ]);
    expect(clock.now()).toBe(100);
  });

  it('of one instant fire in the order in which they were set', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(10, note('a'));
    clock.setTimer(5, () => clock.setTimer(5, note('d')));
    clock.setTimer(10, note('b'));
    clock.setTimer(10, note('c'));
    await clock.advance(10);
    expect(notes.map(([what]) => what)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('fire up to the very end of an advance, and not after it', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(10, note('end'));
    clock.setTimer(10.001, note('after'));
    await clock.advance(10);
    expect(notes).toEqual([['end', 10]]);
    expect(clock.now()).toBe(10);
    await clock.advance(1);
    expect(notes[1]).toEqual(['after', 10.001]);
  });

  it('that are set by timers fire within the same advance', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(4, () => {
      note('first')();
      clock.setTimer(0, note('at once'));
      clock.setTimer(6, note('second'));
      clock.setTimer(7, note('too late'));
    });
    await clock.advance(10);
    expect(notes).toEqual([
      ['first', 4],
      ['at once', 4],
      ['second', 10],
    ]);
  });

  it('let everything that one set off run to its end before the next, at one instant too', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(1, async () => {
      for (let i = 0; i < 50; i++) await undefined;
      process.nextTick(() => void Promise.resolve().then(note('end of the first')));
    });
    clock.setTimer(1, note('second'));
    await clock.advance(1);
    expect(notes.map(([what]) => what)).toEqual(['end of the first', 'second']);
  });

  it.each([
    0,
    -5,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
  ])('with a delay of %s fire at once, but not within the call', async (delay) => {
    const { clock, notes, note } = noted();
    await clock.advance(7);
    clock.setTimer(delay, note('fired'));
    expect(notes).toEqual([]);
    await clock.advance(0);
    expect(notes).toEqual([['fired', 7]]);
  });

  it('do not fire when cancelled: before, by another at the same instant, twice, or after they fired', async () => {
    const { clock, notes, note } = noted();
    const before = clock.setTimer(5, note('before'));
    before.cancel();
    before.cancel();
    const early = clock.setTimer(10, () => {
      note('early')();
      other.cancel();
      early.cancel();
    });
    const other = clock.setTimer(10, note('other'));
    clock.setTimer(10, note('last'));
    await clock.advance(20);
    early.cancel();
    expect(notes.map(([what]) => what)).toEqual(['early', 'last']);
    expect(clock.pending).toBe(0);
  });

  it('are listed with what they are for, the next first', async () => {
    const clock = new FakeClock();
    for (const ms of [50, 40, 30, 20, 10]) clock.setTimer(ms, () => {}, `after ${ms}`);
    clock.setTimer(20, () => {});
    const gone = clock.setTimer(15, () => {}, 'gone');
    gone.cancel();
    await clock.advance(4);
    expect(clock.pending).toBe(6);
    expect(clock.pendingTimers()).toEqual([
      { label: 'after 10', in: 6 },
      { label: 'after 20', in: 16 },
      { label: 'timer', in: 16 },
      { label: 'after 30', in: 26 },
      { label: 'after 40', in: 36 },
      { label: 'after 50', in: 46 },
    ]);
  });

  it('are told of before they fire', async () => {
    const { clock, notes, note } = noted();
    clock.onFire = (label) => note(`${label} fires`)();
    clock.setTimer(3, note('fired'), 'ring');
    await clock.advance(3);
    expect(notes).toEqual([
      ['ring fires', 3],
      ['fired', 3],
    ]);
  });

  it('do as a naive list of them does, whatever is set, cancelled and set from within', async () => {
    const ms = fc.integer({ min: 0, max: 160 }).map((quarter) => quarter / 4);
    const command = fc.oneof(
      fc.record({ set: ms, child: fc.option(ms), kills: fc.option(fc.nat(20)) }),
      fc.record({ cancel: fc.nat(20) }),
      fc.record({ advance: ms }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const clock = new FakeClock();
        const fired: string[] = [];
        const handles: { cancel(): void }[] = [];
        const model = new NaiveClock();
        for (const one of commands) {
          if ('set' in one) {
            const name = `t${handles.length}`;
            const { child, kills } = one;
            handles.push(
              clock.setTimer(one.set, () => {
                fired.push(`${name} ${clock.now()}`);
                if (kills !== null) handles[kills]?.cancel();
                if (child !== null) clock.setTimer(child, () => fired.push(`${name}' ${clock.now()}`));
              }),
            );
            model.set(name, one.set, child, kills);
          } else if ('cancel' in one) {
            handles[one.cancel]?.cancel();
            model.cancel(`t${one.cancel}`);
          } else {
            await clock.advance(one.advance);
            model.advance(one.advance);
          }
          expect(clock.pending).toBe(model.timers.length);
        }
        expect(fired).toEqual(model.fired);
        expect(clock.now()).toBe(model.now);
      }),
    );
  });
});

/** What the clock is meant to do, without a heap and without turns. */
class NaiveClock {
  now = 0;
  fired: string[] = [];
  timers: { name: string; due: number; child: number | null; kills: number | null }[] = [];

  set(name: string, delay: number, child: number | null, kills: number | null): void {
    this.timers.push({ name, due: this.now + delay, child, kills });
  }

  cancel(name: string): void {
    this.timers = this.timers.filter((timer) => timer.name !== name);
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = Math.min(...this.timers.map((timer) => timer.due));
      const next = this.timers.find((timer) => timer.due === due);
      if (!next || due > end) break;
      this.now = due;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.fired.push(`${next.name} ${due}`);
      if (next.kills !== null) this.cancel(`t${next.kills}`);
      if (next.child !== null) this.set(`${next.name}'`, next.child, null, null);
    }
    this.now = end;
  }
}

describe('the time of day', () => {
  it('starts where it is told to and goes on with time', async () => {
    const clock = new FakeClock(1_000);
    await clock.advance(500);
    expect(clock.wallclock()).toBe(1_500);
    expect(new FakeClock().wallclock()).toBe(Date.UTC(2026, 0, 1));
  });

  it('jumps without moving a timer', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(10, note('fired'));
    clock.jumpWallclock(-3_600_000);
    clock.jumpWallclock(60_000);
    await clock.advance(9);
    expect(notes).toEqual([]);
    expect(clock.wallclock()).toBe(Date.UTC(2026, 0, 1) - 3_540_000 + 9);
    await clock.advance(1);
    expect(notes).toEqual([['fired', 10]]);
  });
});

describe('waiting', () => {
  it('advances by nothing for 0, less than 0 and what is no number', async () => {
    const clock = new FakeClock();
    clock.setTimer(1, () => {});
    for (const ms of [0, -10, Number.NaN]) await clock.advance(ms);
    expect(clock.now()).toBe(0);
  });

  it('moves time by turns for all who wait, each to its own end', async () => {
    const { clock, notes, note } = noted();
    const wait = (ms: number) => clock.advance(ms).then(note(`${ms} passed`));
    clock.setTimer(20, note('timer'));
    const long = wait(30);
    const short = wait(10).then(() => wait(5));
    await Promise.all([long, short, wait(20)]);
    expect(notes).toEqual([
      ['10 passed', 10],
      ['5 passed', 15],
      ['timer', 20],
      ['20 passed', 20],
      ['30 passed', 30],
    ]);
  });

  it('can begin within a timer', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(10, () => void clock.advance(5).then(note('inner')));
    await clock.advance(20);
    expect(notes).toEqual([['inner', 15]]);
  });

  it('until something holds stops where it does, and says so', async () => {
    const { clock, note } = noted();
    let rings = 0;
    const ring = (): void => {
      rings++;
      clock.setTimer(10, ring);
    };
    ring();
    clock.setTimer(35, note('too late'));
    expect(await clock.runUntil(() => rings === 4)).toBe(true);
    expect(clock.now()).toBe(30);
  });

  it('does not move time for what holds already', async () => {
    const clock = new FakeClock();
    clock.setTimer(5, () => {});
    expect(await clock.runUntil(() => true)).toBe(true);
    expect(clock.now()).toBe(0);
  });

  it('sees what a timer brings about by way of promises', async () => {
    const clock = new FakeClock();
    let done = false;
    clock.setTimer(5, async () => {
      await undefined;
      done = true;
    });
    clock.setTimer(6, () => {});
    expect(await clock.runUntil(() => done)).toBe(true);
    expect(clock.now()).toBe(5);
  });

  it('gives up at its limit and stands there', async () => {
    const clock = new FakeClock();
    const tick = (): void => void clock.setTimer(7, tick);
    tick();
    expect(await clock.runUntil(() => false, 100)).toBe(false);
    expect(clock.now()).toBe(100);
  });

  it('looks once more at its limit, which no timer need fall on', async () => {
    const clock = new FakeClock();
    clock.setTimer(70, () => {});
    expect(await clock.runUntil(() => clock.now() >= 50, 50)).toBe(true);
    expect(clock.now()).toBe(50);
  });

  it('gives up where no timer is left that could change anything', async () => {
    const clock = new FakeClock();
    clock.setTimer(5, () => {});
    expect(await clock.runUntil(() => false)).toBe(false);
    expect(clock.now()).toBe(5);
  });

  it('of several goes on for the others when one is over', async () => {
    const clock = new FakeClock();
    let count = 0;
    const tick = (): void => {
      count++;
      if (count < 10) clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    const results = await Promise.all([
      clock.runUntil(() => count === 3),
      clock.runUntil(() => count === 7),
      clock.runUntil(() => count === 5, 40),
      clock.advance(80).then(() => count),
    ]);
    expect(results).toEqual([true, true, false, 8]);
    expect(clock.now()).toBe(80);
  });

  it('lets what a waiter does next come before time goes on for the others', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(10, () => {});
    clock.setTimer(10, note('second timer'));
    const rest = clock.advance(50);
    await clock.runUntil(() => clock.now() === 10);
    clock.setTimer(1, note('set in between'));
    await rest;
    expect(notes).toEqual([
      ['second timer', 10],
      ['set in between', 11],
    ]);
  });

  it('whose condition throws fails alone', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(10, note('timer'));
    const broken = clock.runUntil(() => {
      if (clock.now() >= 10) throw new Error('broken condition');
      return false;
    });
    const [failed, fine] = await Promise.allSettled([broken, clock.advance(20)]);
    expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'broken condition' } });
    expect(fine.status).toBe('fulfilled');
    expect(notes).toEqual([['timer', 10]]);
    expect(clock.now()).toBe(20);
  });

  it('fails for all when a timer throws, and the clock can be used on', async () => {
    const { clock, notes, note } = noted();
    clock.setTimer(10, () => {
      throw new Error('broken timer');
    });
    clock.setTimer(15, note('next'));
    const all = await Promise.allSettled([clock.advance(20), clock.runUntil(() => false)]);
    expect(all.map((one) => (one as PromiseRejectedResult).reason.message)).toEqual(['broken timer', 'broken timer']);
    expect(clock.now()).toBe(10);
    await clock.advance(5);
    expect(notes).toEqual([['next', 15]]);
  });

  it('ends with an error for a timer that sets itself again and again for the same instant', async () => {
    const clock = new FakeClock();
    const again = (): void => void clock.setTimer(0, again, 'runaway');
    clock.setTimer(5, again);
    await expect(clock.advance(10)).rejects.toMatchObject({
      code: 'ERR_LAB_STUCK',
      message: expect.stringContaining('"runaway" is set again and again'),
    });
    expect(clock.now()).toBe(5);
  });

  it('takes many timers at many instants for no loop', async () => {
    const clock = new FakeClock();
    let count = 0;
    for (let i = 0; i < 120_000; i++) clock.setTimer(i % 2, () => count++);
    await clock.advance(1);
    expect(count).toBe(120_000);
  });

  it('works while a test has put fakes in the place of timers and of real time', async () => {
    vi.useFakeTimers();
    try {
      const { clock, notes, note } = noted();
      clock.setTimer(10, note('fired'));
      await clock.advance(20);
      expect(notes).toEqual([['fired', 10]]);
      // To give up takes real time.
      expect(await clock.runUntil(() => false)).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('work outside', () => {
  it('holds time until it is done', async () => {
    const { clock, notes, note } = noted();
    const outside = Promise.withResolvers<string>();
    clock.setTimer(1, note('timer'));
    void clock.work(() => outside.promise).then((value) => note(value)());
    const over = clock.advance(10);
    await turns(40);
    expect(clock.now()).toBe(0);
    outside.resolve('work');
    await over;
    expect(notes).toEqual([
      ['work', 0],
      ['timer', 1],
    ]);
  });

  it('that begins in the middle holds time there', async () => {
    const { clock, notes, note } = noted();
    const outside = Promise.withResolvers<void>();
    clock.setTimer(5, () => void clock.work(() => outside.promise).then(note('work')));
    clock.setTimer(6, note('timer'));
    const over = clock.advance(10);
    await turns(40);
    expect(clock.now()).toBe(5);
    outside.resolve();
    await over;
    expect(notes).toEqual([
      ['work', 5],
      ['timer', 6],
    ]);
  });

  it('gives its results in the order in which it was asked for them, the rejected ones too', async () => {
    const { clock, notes, note } = noted();
    const outside = [1, 2, 3].map(() => Promise.withResolvers<void>());
    outside.forEach(({ promise }, index) => {
      void clock.work(() => promise).then(note(`${index} done`), note(`${index} failed`));
    });
    outside[2]?.resolve();
    outside[1]?.reject(new Error('no such file'));
    const over = clock.advance(1);
    await turns(40);
    expect(notes).toEqual([]);
    outside[0]?.resolve();
    await over;
    expect(notes.map(([what]) => what)).toEqual(['0 done', '1 failed', '2 done']);
  });

  it('that is rejected, or cannot even begin, says so and holds time no longer', async () => {
    const clock = new FakeClock();
    const rejected = clock.work(() => Promise.reject(new Error('no such file')));
    const thrown = clock.work(() => {
      throw new Error('no such thing');
    });
    await expect(rejected).rejects.toThrow('no such file');
    await expect(thrown).rejects.toThrow('no such thing');
    await clock.advance(10);
    expect(clock.now()).toBe(10);
  });

  it('needs no announcement for files and host names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clock-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = import.meta.filename;
    const handle = await open(file);
    const requests: Record<string, () => Promise<unknown>> = {
      stat: () => stat(file),
      'a whole file': () => readFile(file),
      'several, one by one': async () => {
        for (let i = 0; i < 20; i++) await readFile(file);
      },
      'a new folder': () => mkdtemp(join(folder, 'inner-')),
      'a file to be closed': () => handle.close(),
      'a host name': () => lookup('localhost'),
    };
    for (const [what, request] of Object.entries(requests)) {
      const { clock, notes, note } = noted();
      clock.setTimer(1, note('timer'));
      void request().then(note(what));
      await clock.advance(1);
      expect(notes).toEqual([
        [what, 0],
        ['timer', 1],
      ]);
    }
  });

  it('that nobody announced gets a while where no timer is left', async () => {
    const clock = new FakeClock();
    let done = false;
    void turns(60).then(() => {
      done = true;
    });
    expect(await clock.runUntil(() => done)).toBe(true);
    expect(clock.now()).toBe(0);
  });

  it('gets that while again after somebody waited in vain', async () => {
    const clock = new FakeClock();
    expect(await clock.runUntil(() => false, 10)).toBe(false);
    let done = false;
    void turns(60).then(() => {
      done = true;
    });
    expect(await clock.runUntil(() => done)).toBe(true);
  });

  it('may be a module that is loaded', async () => {
    const clock = new FakeClock();
    const source = 'data:text/javascript,export const answer = await Promise.resolve(42);';
    let loaded: { readonly answer: number } | undefined;
    void import(source).then((module) => {
      loaded = module;
    });
    expect(await clock.runUntil(() => loaded !== undefined)).toBe(true);
    expect(loaded?.answer).toBe(42);
  });

  describe('that never ends', () => {
    afterEach(() => {
      vi.restoreAllMocks();
    });

    it('is an error that names it', async () => {
      // Real time runs a second each time it is looked at.
      let real = 0;
      vi.spyOn(performance, 'now').mockImplementation(() => (real += 1000));
      vi.resetModules();
      const { FakeClock: Impatient } = await import('../../src/testing/fake-clock.ts');
      const clock = new Impatient();
      void clock.work(() => new Promise(() => {}), 'reading /dev/nowhere');
      await expect(clock.advance(1)).rejects.toMatchObject({
        code: 'ERR_LAB_STUCK',
        message: 'time cannot move: reading /dev/nowhere is not done after 10 s',
      });
      expect(clock.now()).toBe(0);
    });
  });
});
