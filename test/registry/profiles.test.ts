import { describe, expect, it } from 'vitest';
import { between, seededRandom } from '../../src/testing/index.ts';
import { bench, call, settle } from './helpers.ts';

const options = { profilesWithValue: 'caller;trunk', profilesNoValue: 'inbound' };

describe('profiles', () => {
  it('count calls by value and in all', async () => {
    const { registry } = bench(options);
    const [[a, legA], [b], [c]] = [call(registry, 'a'), call(registry, 'b'), call(registry, 'c')];
    a.profiles.set('caller', 'alice');
    a.profiles.set('caller', 'alice');
    b.profiles.set('caller', 'alice');
    c.profiles.set('caller', 'bob');
    c.profiles.set('inbound');
    expect(registry.profiles.size('caller')).toBe(3);
    expect(registry.profiles.size('caller', 'alice')).toBe(2);
    expect(registry.profiles.size('inbound')).toBe(1);
    expect([...registry.profiles.list('caller', 'alice')]).toEqual([a, b]);
    expect([c.profiles.isIn('caller', 'alice'), c.profiles.isIn('caller'), a.profiles.isIn('inbound')]).toEqual([
      false,
      true,
      false,
    ]);
    b.profiles.unset('caller', 'alice');
    legA.end();
    await settle();
    expect(registry.profiles.size('caller', 'alice')).toBe(0);
    expect(registry.profiles.sizes()).toEqual([
      { name: 'caller', hasValue: true, size: 1 },
      { name: 'trunk', hasValue: true, size: 0 },
      { name: 'inbound', hasValue: false, size: 1 },
    ]);
    expect([...c.profiles]).toEqual([
      { name: 'caller', value: 'bob' },
      { name: 'inbound', value: '' },
    ]);
  });

  it('are listed as they are when the list is asked for, however many come while it is read', () => {
    const { registry } = bench(options);
    const [a] = call(registry, 'a');
    a.profiles.set('inbound');
    a.profiles.set('caller', 'alice');
    for (const name of ['inbound', 'caller']) {
      const listed: unknown[] = [];
      for (const record of registry.profiles.list(name)) {
        listed.push(record);
        if (listed.length > 10) break;
        const [next] = call(registry, `${name}${listed.length}`);
        next.profiles.set('inbound');
        next.profiles.set('caller', 'bob');
      }
      expect(listed.slice(0, 1)).toEqual([a]);
      expect(listed.length).toBeLessThan(10);
    }
  });

  it('are declared: another name is an error that says so', () => {
    const { registry } = bench(options);
    const [a] = call(registry, 'a');
    const unknown = expect.objectContaining({ code: 'ERR_PROFILE_UNKNOWN' });
    for (const wrong of [
      () => a.profiles.set('callers', 'x'),
      () => a.profiles.unset('callers', 'x'),
      () => a.profiles.isIn('callers'),
      () => a.profiles.size('callers'),
      () => a.profiles.limit('callers', 'x', 1),
      () => registry.profiles.size('constructor'),
    ])
      expect(wrong).toThrow(unknown);
    expect(() => a.profiles.set('caller')).toThrow(/needs a value/);
    expect(() => a.profiles.set('inbound', 'x')).toThrow(/has no values/);
  });

  it('are left at the end of the call, and not entered again', () => {
    const { registry } = bench(options);
    const [a, leg] = call(registry, 'a');
    a.profiles.set('caller', 'alice');
    leg.end();
    expect(a.profiles.limit('caller', 'alice', 9)).toBe(false);
    a.profiles.set('caller', 'alice');
    expect(registry.profiles.size('caller')).toBe(0);
  });

  it('let a call that is not tracked pass below the limit, without counting it', () => {
    const { registry } = bench(options);
    const [[a], [b]] = [call(registry, 'a'), call(registry, 'b')];
    a.tracked = false;
    expect([a.profiles.limit('caller', 'alice', 1), registry.profiles.size('caller')]).toEqual([true, 0]);
    b.profiles.set('caller', 'alice');
    expect(a.profiles.limit('caller', 'alice', 1)).toBe(false);
  });

  it('put a call in by themselves', () => {
    const { registry } = bench({ ...options, autoProfiles: { caller: 'fromUri', trunk: 'toUser', inbound: 'none' } });
    const [a] = call(registry, 'a');
    expect([...a.profiles]).toEqual([
      { name: 'caller', value: 'sip:alice@x' },
      { name: 'trunk', value: 'bob' },
      { name: 'inbound', value: '' },
    ]);
  });

  it('give all their calls a time', async () => {
    const { registry, clock } = bench(options);
    const calls = ['a', 'b', 'c'].map((id) => call(registry, id));
    for (const [record, leg] of calls) {
      leg.up();
      record.profiles.set('caller', record.callId === 'c' ? 'bob' : 'alice');
    }
    registry.profiles.setTimeout('caller', 'alice', 5);
    await clock.advance(6_000);
    expect(calls.map(([, leg]) => leg.terminated.length)).toEqual([1, 1, 0]);
  });

  it('let exactly so many pass as the limit says, in 10,000 runs of two calls in one instant', async () => {
    for (let seed = 0; seed < 10_000; seed++) {
      const random = seededRandom(seed);
      const { registry } = bench({ ...options, hashSize: 16 }, seed);
      const count = between(random, 2, 4);
      const calls = Array.from({ length: count }, (_, n) => call(registry, `${seed}-${n}`));
      const passed = await Promise.all(
        calls.map(async ([record]) => {
          // Each handler is somewhere else in its work.
          for (let turn = between(random, 0, 2); turn > 0; turn--) await Promise.resolve();
          return record.profiles.limit('caller', 'alice', 1);
        }),
      );
      expect(passed.filter(Boolean)).toHaveLength(1);
      const winner = calls[passed.indexOf(true)];
      winner?.[1].end();
      const next = calls[(passed.indexOf(true) + 1) % count];
      expect(next?.[0].profiles.limit('caller', 'alice', 1)).toBe(true);
    }
  });
});
