import { describe, expect, it } from 'vitest';
import { CallSteps, MemorySteps, type StepStore } from '../../src/session/steps.ts';

const { signal } = new AbortController();

/** Keeps only what is safe: what a process that is killed leaves behind. */
class SafeSteps extends MemorySteps {
  /** Resolves when what was done is safe. */
  safe: Promise<void> = Promise.resolve();

  override async done(name: string, json: string): Promise<void> {
    await this.safe;
    await super.done(name, json);
  }
}

function stepsIn(store: StepStore): CallSteps {
  return new CallSteps('call-1', store);
}

describe('a step of a call', () => {
  it.each([
    [42],
    ['text'],
    [{ a: [1, null] }],
    [null],
    [undefined],
    [''],
  ])('that gave %j gives it again, and is not done again', async (result) => {
    const store = new MemorySteps();
    expect(await stepsIn(store).run('one', () => result, signal)).toEqual(result);
    const again = await stepsIn(store).run('one', () => expect.unreachable('it was done'), signal);
    expect(again).toEqual(result);
  });

  it('gives at once what it would give in another process: JSON', async () => {
    const given = await stepsIn(new MemorySteps()).run<unknown>(
      'one',
      () => ({ at: new Date(0), no: undefined }),
      signal,
    );
    expect(given).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });

  it('that was cut off is done again with the same key', async () => {
    const store = new MemorySteps();
    const keys: string[] = [];
    void stepsIn(store).run(
      'one',
      ({ idempotencyKey }) => {
        keys.push(idempotencyKey);
        return new Promise<void>(() => {});
      },
      signal,
    );
    const next = stepsIn(store);
    expect(next.last).toBe('one');
    await next.run('one', ({ idempotencyKey }) => void keys.push(idempotencyKey), signal);
    expect(keys).toEqual(['call-1/one', 'call-1/one']);
  });

  it('is over when its result is safe, not before', async () => {
    const store = new SafeSteps();
    const { promise, resolve } = Promise.withResolvers<void>();
    store.safe = promise;
    let over = false;
    const step = stepsIn(store)
      .run('one', () => 1, signal)
      .then(() => {
        over = true;
      });
    await new Promise(setImmediate);
    expect([over, store.finished.has('one')]).toEqual([false, false]);
    resolve();
    await step;
    expect([over, store.finished.get('one')]).toEqual([true, '1']);
  });

  it('has a name of its own, also while it runs', async () => {
    const steps = stepsIn(new MemorySteps());
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = steps.run('one', () => promise, signal);
    await expect(steps.run('one', () => {}, signal)).rejects.toMatchObject({ code: 'ERR_STEP_NAME' });
    resolve();
    await first;
    await expect(steps.run('one', () => {}, signal)).rejects.toMatchObject({ code: 'ERR_STEP_NAME' });
    await expect(steps.run('', () => {}, signal)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    await expect(steps.run('x'.repeat(201), () => {}, signal)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });

  it('that throws is not done, and may be tried again', async () => {
    const store = new MemorySteps();
    const steps = stepsIn(store);
    const refused = steps.run('one', () => Promise.reject(new Error('busy')), signal);
    await expect(refused).rejects.toThrow('busy');
    expect(store.finished.size).toBe(0);
    expect(await steps.run('one', () => 2, signal)).toBe(2);
  });

  it('whose result JSON cannot hold throws', async () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    const store = new MemorySteps();
    for (const result of [loop, 1n])
      await expect(stepsIn(store).run('one', () => result, signal)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(store.finished.size).toBe(0);
  });

  it('knows when the call ends', async () => {
    const ending = new AbortController();
    const seen = stepsIn(new MemorySteps()).run(
      'one',
      (context) => new Promise<boolean>((resolve) => context.signal.addEventListener('abort', () => resolve(true))),
      ending.signal,
    );
    ending.abort();
    expect(await seen).toBe(true);
  });
});
