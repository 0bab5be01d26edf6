import { describe, expect, it } from 'vitest';
import { askSilent } from '../../src/session/reach-again.ts';
import { FakeClock } from '../../src/testing/index.ts';

/** @param heard packets, each time it is asked for @param status of the peer's answer */
async function asked(heard: readonly number[], status: number, over = false) {
  const clock = new FakeClock();
  const call = new AbortController();
  const [seen, said] = [[...heard], [] as string[]];
  const done = askSilent({
    clock,
    signal: call.signal,
    heard: async () => seen.shift() ?? 0,
    ask: async () => {
      said.push('asked');
      return status;
    },
    gone: async () => void said.push('gone'),
  });
  await clock.advance(1000);
  if (over) call.abort();
  await clock.advance(5000);
  await done;
  expect(clock.pending).toBe(0);
  return said;
}

describe('the peer of a call that goes on', () => {
  it('that is heard is not asked', async () => {
    expect(await asked([10, 11], 200)).toEqual([]);
  });

  it('that is silent is asked, and gone if it knows the call no more', async () => {
    expect(await asked([10, 10], 481)).toEqual(['asked', 'gone']);
  });

  it.each([200, 405, 408, 500])('that is silent and answers %i stays', async (status) => {
    expect(await asked([10, 10], status)).toEqual(['asked']);
  });

  it('whose call ends meanwhile is not asked', async () => {
    expect(await asked([10, 10], 481, true)).toEqual([]);
  });
});
