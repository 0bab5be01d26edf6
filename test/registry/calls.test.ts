import { describe } from 'vitest';
import type { DialogRecord } from '../../src/registry/record.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** [processed, active, listed] */
function counts({ registry }: Tandem): readonly number[] {
  return [registry.statistics.processed, registry.statistics.active, registry.size];
}

function only({ registry }: Tandem): DialogRecord {
  const [record, ...others] = [...registry];
  if (!record || others.length > 0) throw new Error(`there are ${registry.size} records, not one`);
  return record;
}

/** Every call goes to the host that its number names. */
function b2bua(lab: Lab, options: Parameters<Lab['serve']>[1] = {}): Promise<Tandem> {
  return lab.serve(async (call, tandem) => {
    const callee = await call.invite(`sip:${call.toUser}@${call.toUser}`);
    await using bridge = await tandem.bridge(call, callee);
    await bridge.ended;
  }, options);
}

describe('a call and its record', () => {
  test('bridged, it is one: states, ends, identifiers, and nothing is left', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    const tandem = await b2bua(lab);
    alice.invite('bob');
    await bob.rings();
    await alice.receives(180);
    const record = only(tandem);
    expect(record).toMatchObject({ state: 2, direction: 'inbound', startTs: 0, timeout: 0 });
    expect(record.sides.callee).toBeUndefined();
    await bob.answer();
    await alice.isUp();
    await lab.advance(50);
    expect(counts(tandem)).toEqual([1, 1, 1]);
    expect(record.state).toBe(4);
    expect(record.sides.caller?.contact).toBe('sip:alice@10.0.1.1:5060');
    expect(record.sides.caller?.socket).toBe('udp:10.0.0.1:5060');
    const [a, b] = [record.caller?.signalling, record.callee?.signalling];
    if (!a || !b) throw new Error('two legs');
    expect([a.callId === b.callId, a.callId]).toEqual([false, record.callId]);
    for (const { callId, local, remote } of [a, b])
      expect(tandem.registry.find(callId, local.tag ?? '', remote.tag)).toBe(record);
    await bob.hangup();
    await alice.ends();
    await lab.advance(100);
    expect([record.state, record.endedBy]).toEqual([5, 'callee']);
    expect(counts(tandem)).toEqual([1, 0, 0]);
  });

  test('refused, it is listed until the ACK', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { reject: 486 };
    const tandem = await b2bua(lab);
    const seen: number[] = [];
    tandem.registry.on('dialog:failed', ({ dialog, cause }) => void seen.push(cause.status ?? 0, dialog.state));
    alice.invite('bob');
    expect((await alice.ends())?.status).toBe(486);
    await lab.advance(100);
    expect(seen).toEqual([486, 5]);
    expect(tandem.registry.statistics).toMatchObject({ failed: 1, active: 0, early: 0 });
    expect(tandem.registry.size).toBe(0);
  });

  test('cancelled, it fails', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    const tandem = await b2bua(lab);
    alice.invite('bob');
    await bob.rings();
    await alice.cancel();
    await lab.advance(2_000);
    expect(tandem.registry.statistics).toMatchObject({ failed: 1, active: 0, early: 0 });
    expect(tandem.registry.size).toBe(0);
  });

  test('forked to three, it is one', async ({ lab }) => {
    const [alice, bob, carol, dave] = ['alice', 'bob', 'carol', 'dave'].map((name) => lab.phone(name));
    if (!alice || !bob || !carol || !dave) throw new Error('no phones');
    bob.onCall = { answerAfterMs: 9000 };
    carol.onCall = { answerAfterMs: 1000 };
    dave.onCall = { reject: 486 };
    const tandem = await lab.serve(async (call, house) => {
      const leg = await call.invite([bob.uri, carol.uri, dave.uri]);
      await using bridge = await house.bridge(call, leg);
      await bridge.ended;
    });
    await alice.dial('1000');
    await lab.advance(100);
    expect(counts(tandem)).toEqual([1, 1, 1]);
    expect(only(tandem).sessions).toHaveLength(2);
    expect(only(tandem).callee?.remoteUri).toContain('carol');
    await alice.hangup();
    await lab.advance(3_000);
    expect(counts(tandem)).toEqual([1, 0, 0]);
  });

  test('that we make is its own, and two that are bridged later stay two', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.onCall = bob.onCall = { answerAfterMs: 0 };
    const tandem = await lab.serve(() => {});
    const a = await lab.run(tandem.invite(alice.uri));
    expect(counts(tandem)).toEqual([1, 1, 1]);
    expect(only(tandem)).toMatchObject({ state: 4, direction: 'outbound' });
    const b = await lab.run(tandem.invite(bob.uri));
    expect(counts(tandem)).toEqual([2, 2, 2]);
    const bridge = await lab.run(tandem.bridge(a, b));
    expect(counts(tandem)).toEqual([2, 2, 2]);
    bridge.close();
    await lab.run(Promise.all([a.close(), b.close()]));
    expect(counts(tandem)).toEqual([2, 0, 0]);
  });

  test('joined by hand, a second leg belongs to it', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.onCall = bob.onCall = { answerAfterMs: 0 };
    const tandem = await lab.serve(() => {});
    const a = await lab.run(tandem.invite(alice.uri));
    const b = await lab.run(tandem.invite(bob.uri, { call: a }));
    expect(counts(tandem)).toEqual([1, 1, 1]);
    expect(tandem.registry.of(b)).toBe(tandem.registry.of(a));
    await lab.run(a.close());
    expect(counts(tandem)).toEqual([1, 1, 1]);
    await lab.run(b.close());
    expect(counts(tandem)).toEqual([1, 0, 0]);
  });

  test('in a conference each stays its own', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    const tandem = await lab.serve(async (call, house) => {
      await call.answer();
      const room = house.conference('room');
      await room.add(call);
      await call.ended;
    });
    await alice.dial('1000');
    await bob.dial('1000');
    await lab.advance(100);
    expect(counts(tandem)).toEqual([2, 2, 2]);
    await alice.hangup();
    await bob.hangup();
    await lab.advance(100);
    expect(counts(tandem)).toEqual([2, 0, 0]);
  });

  test('transferred, it stays what it is: its numbers, Call-ID, variables and profiles', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = carol.onCall = { answerAfterMs: 0 };
    const tandem = await b2bua(lab, {
      transfer: 'execute',
      registry: { profilesWithValue: 'caller', autoProfiles: { caller: 'fromUri' } },
    });
    await alice.dial('bob');
    await bob.isUp();
    await lab.advance(50);
    const record = only(tandem);
    record.variables.set('customer', 'acme');
    const before = [record.hEntry, record.hId, record.callId];
    expect(await bob.transfer(carol.uri)).toBe(200);
    await carol.isUp();
    await lab.advance(500);
    expect(only(tandem)).toBe(record);
    expect([record.hEntry, record.hId, record.callId]).toEqual(before);
    expect([record.variables.get('customer'), [...record.profiles].length]).toEqual(['acme', 1]);
    expect(record.callee?.remoteUri).toContain('carol');
    expect(counts(tandem)).toEqual([1, 1, 1]);
    await carol.hangup();
    await alice.ends();
    await lab.advance(500);
    expect(counts(tandem)).toEqual([1, 0, 0]);
  });

  test('given another partner from outside, it talks with that', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = carol.onCall = { answerAfterMs: 0 };
    const tandem = await b2bua(lab);
    await alice.dial('bob');
    await bob.isUp();
    await lab.advance(50);
    const record = only(tandem);
    await lab.run(record.bridge('caller', carol.uri, { headers: [['X-Why', 'queue']] }));
    expect((await carol.rings()).header('x-why')).toBe('queue');
    expect((await bob.ends())?.method).toBe('BYE');
    await lab.advance(100);
    expect(record.callee?.remoteUri).toContain('carol');
    expect(counts(tandem)).toEqual([1, 1, 1]);
    await alice.hangup();
    await carol.ends();
  });

  test('is ended for both, with the headers that are to be in every BYE', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    const tandem = await b2bua(lab, {
      registry: { dlgExtraHdrs: 'X-All: 1', lreqCalleeHeaders: 'X-Callee: 2' },
    });
    await alice.dial('bob');
    await bob.isUp();
    await lab.advance(50);
    await lab.run(only(tandem).bye('all', { by: 'local' }, [['X-More', '3']]));
    const [toAlice, toBob] = [await alice.ends(), await bob.ends()];
    expect([toAlice?.header('x-all'), toAlice?.header('x-callee'), toAlice?.header('x-more')]).toEqual(['1', '', '3']);
    expect([toBob?.header('x-all'), toBob?.header('x-callee')]).toEqual(['1', '2']);
  });

  test('asks by OPTIONS with a CSeq of its own, and ends when nobody is there', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    const tandem = await b2bua(lab, { registry: { kaTimer: 5, kaInterval: 30 }, sessionTimers: { enabled: false } });
    await alice.dial('bob');
    await bob.isUp();
    await lab.advance(50);
    const record = only(tandem);
    record.setProperty('ka-src');
    record.setProperty('ka-dst');
    await lab.advance(80_000);
    const asked = (phone: typeof bob): number => phone.received.filter(({ what }) => what === 'OPTIONS').length;
    expect([asked(alice), asked(bob)]).toEqual([2, 2]);
    expect(record.state).toBe(4);
    bob.vanish();
    await lab.advance(90_000);
    expect(record.state).toBe(5);
    expect((await alice.ends())?.method).toBe('BYE');
    await lab.advance(60_000);
    expect(tandem.registry.size).toBe(0);
  });

  test('connects two who know nothing of us, by REFER or through us', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.onCall = bob.onCall = { answerAfterMs: 0 };
    const tandem = await lab.serve(() => {}, { registry: { bridgeController: 'sip:controller@10.0.0.1' } });
    await lab.run(tandem.registry.bridgeDlg(alice.uri, bob.uri, 'call'));
    await lab.advance(100);
    expect(counts(tandem)).toEqual([1, 1, 1]);
    expect((await bob.rings()).header('from')).toContain('sip:controller@10.0.0.1');
    await bob.hangup();
    await alice.ends();
    await lab.advance(200);
    expect(counts(tandem)).toEqual([1, 0, 0]);
  });

  test('keeps limits in one line', async ({ lab }) => {
    const [alice, again] = [lab.phone('alice'), lab.phone('alice2')];
    const handler = async (call: DialogServerSession): Promise<void> => {
      if (!call.profiles.limit('trunk', 'one', 1)) return call.reject(486);
      await call.answer();
      await call.ended;
    };
    await lab.serve(handler, { registry: { profilesWithValue: ['trunk'] } });
    await alice.dial('1000');
    again.invite('1000');
    expect((await again.ends())?.status).toBe(486);
    await alice.hangup();
    await lab.advance(100);
    await again.dial('1000');
    await again.hangup();
  });
});
