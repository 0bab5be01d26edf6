import { describe, expect, it } from 'vitest';
import type { DialogRegistryEvents } from '../../src/registry/events.ts';
import type { DialogRecord } from '../../src/registry/record.ts';
import type { DialogRegistry } from '../../src/registry/registry.ts';
import { between, seededRandom } from '../../src/testing/index.ts';
import { bench, call, FakeLeg, settle } from './helpers.ts';

const names: readonly (keyof DialogRegistryEvents)[] = [
  'created',
  'spiraled',
  'early',
  'confirmedNa',
  'confirmed',
  'responseForwarded',
  'requestWithin',
  'responseWithin',
  'failed',
  'expired',
  'terminated',
  'terminatedConfirmed',
  'destroyed',
  'dialog:start',
  'dialog:end',
  'dialog:failed',
  'dialog:timeout',
];

/** Names of what is told from now on. */
function heard(registry: Pick<DialogRegistry, 'on'>): string[] {
  const told: string[] = [];
  for (const name of names) registry.on(name, () => void told.push(name));
  return told;
}

describe('the record of a call', () => {
  it('goes through the states, and is told of', async () => {
    const { registry } = bench();
    const told = heard(registry);
    const [record, leg] = call(registry, 'c1');
    expect([record.state, registry.size, record.hId > 0]).toEqual([1, 1, true]);
    leg.advance('early');
    expect(record.state).toBe(2);
    leg.advance('answered');
    expect(record.state).toBe(3);
    leg.advance('confirmed');
    expect(record.state).toBe(4);
    leg.asks('INFO');
    leg.end();
    expect([record.state, record.cause?.by, record.endedBy]).toEqual([5, 'remote', 'caller']);
    await settle();
    expect(registry.size).toBe(0);
    expect(told).toEqual([
      'created',
      'early',
      'responseForwarded',
      'confirmedNa',
      'dialog:start',
      'responseForwarded',
      'confirmed',
      'requestWithin',
      'terminated',
      'dialog:end',
      'terminatedConfirmed',
      'destroyed',
    ]);
  });

  it('that is refused fails, and stays listed until its ACK came', async () => {
    const { registry } = bench();
    const told = heard(registry);
    const [record, leg] = call(registry, 'c1');
    const { promise: acked, resolve } = Promise.withResolvers<void>();
    leg.end({ by: 'local', status: 486 }, acked);
    await settle();
    expect([record.state, registry.size, registry.statistics.failed]).toEqual([5, 1, 1]);
    resolve();
    await settle();
    expect(registry.size).toBe(0);
    expect(told).toEqual(['created', 'responseForwarded', 'failed', 'dialog:failed', 'destroyed']);
  });

  it('counts as one with its second leg, and ends with the last', async () => {
    const { registry } = bench();
    const [record, a] = call(registry, 'a');
    const b = new FakeLeg('b').join(record, { direction: 'outbound', toUri: 'sip:carol@x' });
    b.advance('early');
    expect([record.state, record.sides.callee]).toEqual([2, undefined]);
    b.up();
    expect(record.state).toBe(2);
    a.up();
    expect(record.sides).toMatchObject({ caller: { tag: 'r-a' }, callee: { tag: 'r-b' } });
    expect(registry.statistics).toEqual({ active: 1, early: 0, processed: 1, expired: 0, failed: 0 });
    b.end();
    expect(record.state).toBe(4);
    expect(record.sides.callee).toMatchObject({ tag: 'l-a' });
    a.end({ by: 'local' });
    expect([record.state, record.endedBy]).toEqual([5, 'callee']);
    await settle();
    expect([registry.size, registry.statistics.active]).toEqual([0, 0]);
  });

  it('does not keep the legs of those who did not take it', async () => {
    const { registry } = bench();
    const [record, a] = call(registry, 'a');
    a.up();
    for (const name of ['b', 'c', 'd']) {
      const leg = new FakeLeg(name).join(record, { direction: 'outbound' });
      expect(registry.find(name, `l-${name}`)).toBe(record);
      leg.end({ by: 'remote', status: 486 });
      await settle();
      expect(registry.find(name, `l-${name}`)).toBeUndefined();
    }
    const e = new FakeLeg('e').join(record, { direction: 'outbound' }).up();
    expect(record.callee).toBe(e);
    e.end();
    a.end();
    await settle();
    expect([registry.size, record.callee]).toEqual([0, e]);
  });

  it('shows ourselves as the caller of a call that we make, until a second leg is there', () => {
    const { registry } = bench();
    const [record, a] = call(registry, 'a', { direction: 'outbound' });
    expect(record.sides).toMatchObject({ caller: { tag: 'l-a' }, callee: undefined });
    a.up();
    expect(record.sides).toMatchObject({ caller: { tag: 'l-a' }, callee: { tag: 'r-a' } });
    new FakeLeg('b').join(record, { direction: 'outbound' }).up();
    expect(record.sides).toMatchObject({ caller: { tag: 'r-a' }, callee: { tag: 'r-b' } });
  });

  it('is found by the identifiers of either leg, in either order of the tags, and as printed', () => {
    const { registry } = bench();
    const [record, a] = call(registry, 'a');
    a.up();
    new FakeLeg('b').join(record, { direction: 'outbound' }).up();
    for (const [callId, from, to] of [
      ['a', 'r-a', 'l-a'],
      ['a', 'l-a', 'r-a'],
      ['b', 'l-b', 'r-b'],
      ['b', 'r-b', 'l-b'],
      ['a', 'r-a', 'r-b'],
      ['a', 'r-b', 'r-a'],
      ['a', 'r-a', undefined],
      ['b', 'r-b', undefined],
    ] as const)
      expect(registry.find(callId, from, to)).toBe(record);
    for (const [callId, from, to] of [
      ['a', 'r-a', 'wrong'],
      ['a', 'r-b', 'l-b'],
      ['b', 'r-a', undefined],
      ['nobody', 'r-a', 'l-a'],
    ] as const)
      expect(registry.find(callId, from, to)).toBeUndefined();
    expect(registry.get(record.hEntry, record.hId)).toBe(record);
    expect(registry.withCallId('b')).toEqual([record]);
    expect(registry.withPeer('sip:alice@x')).toEqual([record]);
  });

  it('takes an INVITE of ours that came back for the same call', () => {
    const { registry } = bench();
    const told = heard(registry);
    const [record] = call(registry, 'a');
    new FakeLeg('b').join(record, { direction: 'outbound' });
    expect(registry.callData('b', 'l-b')).toBe(record);
    for (const [callId, fromTag] of [['b'], ['b', 'another'], ['c', 'l-b'], ['sip:alice@x', 'l-a']] as const)
      expect(registry.callData(callId, fromTag)).not.toBe(record);
    expect(registry.statistics.processed).toBe(1);
    return settle().then(() => expect(told).toContain('spiraled'));
  });

  it('keeps its identifiers when a peer is replaced, and is found by the new ones', () => {
    const { registry } = bench();
    const [record, a] = call(registry, 'a');
    a.up();
    const before = [record.hEntry, record.hId, record.callId];
    a.signalling = {
      callId: 'new',
      local: { tag: 'l-new', uri: '', contact: '', cseq: 0 },
      remote: { tag: 'r-new', uri: 'sip:dave@x', contact: '', cseq: 0 },
      routeSet: [],
      socket: '',
    };
    a.replaced();
    expect([record.hEntry, record.hId, record.callId]).toEqual(before);
    expect(registry.find('new', 'r-new', 'l-new')).toBe(record);
    expect(registry.withPeer('sip:dave@x')).toEqual([record]);
  });

  it('is found no more by a leg that did not take it', () => {
    const { registry } = bench();
    const [record] = call(registry, 'a');
    for (const id of ['b', 'c'])
      new FakeLeg(id).join(record, { direction: 'outbound', toUri: `sip:${id}@x` }).end({ by: 'remote', status: 486 });
    expect([registry.withCallId('b'), registry.withPeer('sip:c@x'), registry.withCallId('a')]).toEqual([
      [],
      [],
      [record],
    ]);
    expect(registry.withPeer('sip:alice@x')).toEqual([record]);
  });

  it('that is not tracked leaves list, counts and profiles without a word', async () => {
    const { registry } = bench({ profilesNoValue: 'p' });
    const told = heard(registry);
    const [record, leg] = call(registry, 'a');
    record.profiles.set('p');
    leg.up();
    await settle();
    told.length = 0;
    record.tracked = false;
    expect([registry.size, registry.activeDialogs.all, registry.profiles.size('p')]).toEqual([0, 0, 0]);
    leg.end();
    await settle();
    expect(told).toEqual([]);
    expect(registry.withCallId('a')).toEqual([]);
  });

  it('tells its own listeners, too; one that throws hurts nobody', async () => {
    const { registry } = bench();
    const [record, leg] = call(registry, 'a');
    const told: string[] = [];
    record.on('confirmed', () => {
      throw new Error('no');
    });
    record.on('confirmed', () => void told.push('own'));
    registry.on('confirmed', async () => {
      throw new Error('no');
    });
    registry.on('confirmed', () => void told.push('all'));
    leg.up();
    expect(told).toEqual([]);
    await settle();
    expect(told).toEqual(['own', 'all']);
  });
});

describe('the time of a call', () => {
  const options = { defaultTimeout: 100, earlyTimeout: 30, noackTimeout: 20, endTimeout: 50 };

  it('runs from the answer, and begins anew with the ACK and with requests in the call', async () => {
    const { registry, clock } = bench(options);
    const [record, leg] = call(registry, 'a');
    expect([record.timeout, record.lifetime]).toEqual([0, 100]);
    leg.advance('answered');
    const answered = record.timeout;
    expect(answered).toBe(record.startTs + 100);
    await clock.advance(5_000);
    leg.advance('confirmed');
    expect(record.timeout).toBe(answered + 5);
    await clock.advance(50_000);
    leg.asks('OPTIONS');
    expect(record.timeout).toBe(answered + 55);
    await clock.advance(99_000);
    expect(leg.terminated).toEqual([]);
    await clock.advance(2_000);
    expect(leg.terminated).toMatchObject([{ by: 'timeout' }]);
    expect(registry.statistics.expired).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('that a script gives is not begun anew', async () => {
    const { registry, clock } = bench(options);
    const [record, leg] = call(registry, 'a');
    leg.up();
    record.setTimeout(10);
    await clock.advance(8_000);
    leg.asks('OPTIONS');
    await clock.advance(3_000);
    expect(leg.terminated).toHaveLength(1);
    expect(() => record.setTimeout(-1)).toThrow(/seconds/);
  });

  it('is without end for 0', async () => {
    const { registry, clock } = bench(options);
    const [record, leg] = call(registry, 'a');
    leg.up();
    record.setTimeout(0);
    expect(record.timeout).toBe(0);
    await clock.advance(1_000_000);
    expect(leg.terminated).toEqual([]);
  });

  it('may be prolonged by whoever is told that it is up', async () => {
    const { registry, clock } = bench(options);
    const [record, leg] = call(registry, 'a');
    leg.up();
    let asked = 0;
    registry.on('dialog:timeout', ({ dialog }) => {
      if (asked++ === 0) dialog.setTimeout(10);
    });
    record.onTimeout = () => {
      throw new Error('no');
    };
    await clock.advance(101_000);
    expect([leg.terminated, asked]).toEqual([[], 1]);
    await clock.advance(11_000);
    expect([leg.terminated.length, asked]).toEqual([1, 2]);
  });

  it('ends the following only, without sendBye', async () => {
    const { registry, clock } = bench({ ...options, sendBye: false });
    const told = heard(registry);
    const [record, leg] = call(registry, 'a');
    leg.up();
    await clock.advance(101_000);
    expect([record.state, leg.terminated, registry.size, registry.statistics.active]).toEqual([5, [], 0, 0]);
    expect(told).toContain('expired');
    leg.end();
    await settle();
    expect(told.filter((name) => name === 'destroyed')).toHaveLength(1);
  });

  it('of a call that nobody answers, or acknowledges, is short', async () => {
    const { registry, clock } = bench(options);
    const [, early] = call(registry, 'a');
    await clock.advance(31_000);
    expect(early.terminated).toMatchObject([{ by: 'timeout', status: 480, reason: 'Temporarily Unavailable' }]);
    const [record, noAck] = call(registry, 'b');
    noAck.advance('answered');
    await clock.advance(21_000);
    expect(record.lifetime).toBe(10);
    await clock.advance(11_000);
    expect(noAck.terminated).toHaveLength(1);
  });

  it('of the list is over although a peer never said goodbye', async () => {
    const { registry, clock } = bench(options);
    const [, leg] = call(registry, 'a');
    leg.up();
    leg.end({ by: 'local' }, new Promise(() => {}));
    await settle();
    expect(registry.size).toBe(1);
    await clock.advance(51_000);
    expect([registry.size, clock.pending]).toEqual([0, 0]);
  });

  it('leaves no timer behind a call', async () => {
    const { registry, clock } = bench(options);
    for (let n = 0; n < 100; n++) {
      const [, leg] = call(registry, `c${n}`);
      if (n % 3 > 0) leg.up();
      leg.end();
    }
    await settle();
    expect([registry.size, clock.pending]).toEqual([0, 0]);
  });
});

describe('keep-alive', () => {
  const options = { kaTimer: 5, kaInterval: 30, kaFailedLimit: 2 };

  it('asks the sides that are to be asked, and gives up after so many failures', async () => {
    const { registry, clock } = bench(options);
    const [record, a] = call(registry, 'a');
    const b = new FakeLeg('b').join(record, { direction: 'outbound' }).up();
    a.up();
    record.setProperty('ka-src');
    await clock.advance(36_000);
    expect([a.requests, b.requests]).toEqual([['OPTIONS'], []]);
    record.setProperty('ka-dst');
    b.request = async () => ({ status: 481 });
    await clock.advance(31_000);
    expect(record.lifetime).toBe(43_200);
    await clock.advance(31_000);
    expect(record.lifetime).toBe(10);
    await clock.advance(11_000);
    expect([a.terminated.length, b.terminated.length]).toEqual([1, 1]);
    await clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });

  it('asks once, however often the call was confirmed', async () => {
    const { registry, clock } = bench(options);
    const [record, a] = call(registry, 'a');
    a.up();
    record.setProperty('ka-src');
    for (let i = 0; i < 5; i++) {
      record.setState(3);
      record.setState(4);
    }
    await clock.advance(36_000);
    expect(a.requests).toEqual(['OPTIONS']);
  });

  it('counts failures in a row only', async () => {
    const { registry, clock } = bench(options);
    const [record, a] = call(registry, 'a');
    a.up();
    record.setProperty('ka-src');
    const answers = [408, 200, 408, 200, 408, 200];
    a.request = async () => ({ status: answers.shift() ?? 200 });
    await clock.advance(250_000);
    expect(answers).toEqual([]);
    expect(a.terminated).toEqual([]);
  });
});

describe('bugs of Kamailio that are not here', () => {
  it('no counter is below zero, whatever comes in whatever order (#1591)', async () => {
    const random = seededRandom(7);
    const { registry, clock } = bench({ profilesWithValue: 'caller', earlyTimeout: 20, defaultTimeout: 40 });
    const legs: [DialogRecord, FakeLeg][] = [];
    for (let step = 0; step < 20_000; step++) {
      const one = legs[between(random, 0, Math.max(0, legs.length - 1))];
      const what = between(random, 0, 9);
      if (what < 2 || !one) legs.push(call(registry, `c${step}`));
      else if (what === 2) one[1].advance('early');
      else if (what === 3) one[1].advance('answered');
      else if (what === 4) one[1].advance('confirmed');
      else if (what === 5) one[1].end();
      else if (what === 6) one[0].profiles.set('caller', `v${step % 5}`);
      else if (what === 7) one[0].setState(between(random, 1, 5) as never);
      else if (what === 8) one[0].tracked = one[0].tracked && between(random, 0, 20) > 0;
      else await clock.advance(between(random, 0, 3_000));
      if (legs.length > 200) for (const [, leg] of legs.splice(0, 100)) leg.end();
      const { active, early } = registry.statistics;
      expect(Math.min(active, early, ...Object.values(registry.activeDialogs))).toBeGreaterThanOrEqual(0);
      expect(registry.profiles.size('caller')).toBeGreaterThanOrEqual(0);
    }
    for (const [, leg] of legs) leg.end();
    await settle();
    expect(registry.activeDialogs.all).toBe(0);
    expect(registry.profiles.size('caller')).toBe(0);
    expect([registry.size, clock.pending]).toEqual([0, 0]);
  });

  it('ten thousand calls of one peer are as quick as of many', () => {
    const { registry } = bench();
    const calls = Array.from({ length: 10_000 }, (_, n) => call(registry, `c${n}`));
    expect(registry.withPeer('sip:alice@x')).toHaveLength(10_000);
    for (const [, leg] of calls) leg.end();
    return settle().then(() => expect(registry.withPeer('sip:alice@x')).toEqual([]));
  });

  it('numbers never clash, and those of several servers with different steps neither (#2757)', () => {
    const servers = [0, 1, 2].map((hIdStart) => bench({ hashSize: 1, hIdStart, hIdStep: 3 }, hIdStart).registry);
    const seen = new Set<string>();
    for (const registry of servers)
      for (let n = 0; n < 1000; n++) {
        const [record] = call(registry, `c${n}`);
        seen.add(`${record.hEntry}:${record.hId}`);
      }
    expect(seen.size).toBe(3000);
  });
});
