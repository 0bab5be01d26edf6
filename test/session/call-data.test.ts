import { describe, expect, it } from 'vitest';
import { memoryCallData } from '../../src/session/call-data.ts';
import type { DialogSession } from '../../src/session/dialog-session.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

const birth = { direction: 'inbound', fromUri: 'sip:a@x', toUri: 'sip:b@x', requestUri: 'sip:b@x' } as const;
const over = { by: 'local' } as const;
const gone = Promise.resolve();

/** A leg that notes that it is hung up. */
function leg(onHangup: () => void = () => {}): DialogSession {
  return { terminate: async () => onHangup() } as unknown as DialogSession;
}

describe('call data in memory', () => {
  it('counts calls in a profile, by value and in all', () => {
    const make = memoryCallData(new FakeClock(), seededRandom(1));
    const [a, b, c] = [make(), make(), make()];
    a.profiles.set('caller', 'alice');
    a.profiles.set('caller', 'alice');
    b.profiles.set('caller', 'alice');
    c.profiles.set('caller', 'bob');
    expect(a.profiles.size('caller')).toBe(3);
    expect(a.profiles.size('caller', 'alice')).toBe(2);
    expect(c.profiles.isIn('caller', 'alice')).toBe(false);
    expect(c.profiles.isIn('caller')).toBe(true);
    b.profiles.unset('caller', 'alice');
    expect(a.profiles.size('caller', 'alice')).toBe(1);
  });

  it('limits: the call that is one too many stays out, and a released place is free again', () => {
    const make = memoryCallData(new FakeClock(), seededRandom(1));
    const calls = [make(), make(), make()];
    const legs = calls.map((call) => call.join(leg(), birth));
    expect(calls.map((call) => call.profiles.limit('caller', 'alice', 2))).toEqual([true, true, false]);
    expect(calls[0]?.profiles.limit('caller', 'alice', 2)).toBe(true);
    legs[0]?.left(over, gone);
    expect(calls[2]?.profiles.limit('caller', 'alice', 2)).toBe(true);
  });

  it('leaves its profiles with its last leg, not before', () => {
    const call = memoryCallData(new FakeClock(), seededRandom(1))();
    const [first, second] = [call.join(leg(), birth), call.join(leg(), birth)];
    call.profiles.set('p');
    first.left(over, gone);
    expect(call.profiles.size('p')).toBe(1);
    second.left(over, gone);
    expect(call.profiles.size('p')).toBe(0);
  });

  it('hangs up every leg when the time is up, and forgets the timer with the last leg', async () => {
    const clock = new FakeClock();
    const call = memoryCallData(clock, seededRandom(1))();
    const hung: string[] = [];
    const legs = [
      call.join(
        leg(() => hung.push('a')),
        birth,
      ),
      call.join(
        leg(() => hung.push('b')),
        birth,
      ),
    ];
    call.setTimeout(10);
    call.setTimeout(20);
    await clock.advance(19_999);
    expect(hung).toEqual([]);
    await clock.advance(1);
    expect(hung).toEqual(['a', 'b']);
    call.setTimeout(30);
    for (const one of legs) one.left(over, gone);
    expect(clock.pending).toBe(0);
  });

  it('has 32 flags', () => {
    const { flags } = memoryCallData(new FakeClock(), seededRandom(1))();
    flags.set(0);
    flags.set(31);
    expect([flags.isSet(0), flags.isSet(1), flags.isSet(31)]).toEqual([true, false, true]);
    flags.reset(31);
    expect(flags.isSet(31)).toBe(false);
    expect(() => flags.set(32)).toThrow(/0 to 31/);
  });
});
