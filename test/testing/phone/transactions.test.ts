/** A phone's own retransmissions, laid beside the tables of RFC 3261 §17. */
import { describe } from 'vitest';
import { Lab, type Phone } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { expectNoTimers, times } from './ladder.ts';

/** Timer A: doubles until timer B, 64·T1. */
const timerA = [0, 500, 1500, 3500, 7500, 15_500, 31_500];
/** Timers E and G, and a 2xx: double up to T2, until F or H. */
const timerE = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
/** Timer E of a request that got a provisional response: T2 from then on. */
const proceeding = [0, 500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500];

const pair = (lab: Lab, transport: 'udp' | 'tcp'): [Phone, Phone] => [
  lab.phone('alice', { transport }),
  lab.phone('bob', { transport }),
];
const from = (start: number, list: readonly number[]): number[] => list.map((ms) => start + ms);

describe('on UDP', () => {
  test('INVITE goes out by timer A until timer B', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    bob.misbehave({ ignores: ['INVITE'] });
    alice.invite(bob.uri);
    await alice.ends();
    expect(times(lab, 'alice', 'INVITE')).toEqual(timerA);
    expect(lab.clock.now()).toBe(32_000);
    await expectNoTimers(lab);
    expect(times(lab, 'alice', 'INVITE')).toEqual(timerA);
  });

  test('INVITE goes out no more after a provisional response', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    bob.onCall = { ring: false };
    alice.invite(bob.uri);
    await lab.advance(2000);
    bob.progress(100);
    await lab.advance(100_000);
    expect(times(lab, 'alice', 'INVITE')).toEqual([0, 500, 1500]);
  });

  test('BYE goes out by timer E until timer F', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    bob.onCall = { answerAfterMs: 0 };
    bob.misbehave({ ignores: ['BYE'] });
    await alice.dial(bob.uri);
    await lab.advance(98);
    expect(await alice.hangup()).toBeUndefined();
    expect(times(lab, 'alice', 'BYE')).toEqual(from(100, timerE));
    expect(lab.clock.now()).toBe(32_100);
    await bob.hangup();
    await expectNoTimers(lab);
  });

  test('a request that is being worked on goes out each T2', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    // A 100 to whatever comes first, and then nothing.
    bob.misbehave({ refuses: { OPTIONS: 100 } });
    const asked = alice.ask('OPTIONS', bob.uri);
    await expect(asked).rejects.toThrow('nobody answered the OPTIONS');
    expect(times(lab, 'alice', 'OPTIONS')).toEqual(proceeding);
    expect(lab.clock.now()).toBe(32_000);
  });

  test('a 2xx goes out until its ACK, or for 32 s', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    alice.misbehave({ ack: { afterMs: 5000 } });
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.isUp();
    expect(times(lab, 'bob', '200 INVITE')).toEqual(from(1, timerE.slice(0, 4)));
    // A copy that came before the ACK is none that the ACK would have to be sent for.
    expect(times(lab, 'alice', 'ACK')).toEqual([5002]);
    await alice.hangup();
    await lab.advance(65_000);
    const start = lab.clock.now();
    alice.misbehave({ ack: 'never' });
    await alice.dial(bob.uri);
    await bob.ends();
    expect(times(lab, 'bob', '200 INVITE').slice(4)).toEqual(from(start + 1, timerE));
    expect(times(lab, 'bob', 'BYE')).toEqual([start + 1 + 32_000]);
    await expectNoTimers(lab);
  });

  test('a refusal goes out by timer G until its ACK, or until timer H', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    bob.onCall = { reject: 486 };
    alice.invite(bob.uri);
    await lab.advance(1);
    alice.vanish();
    await lab.advance(40_000);
    expect(times(lab, 'bob', '486 INVITE')).toEqual(from(1, timerE));
    alice.comeBack();
    await expectNoTimers(lab);
    const start = lab.clock.now();
    const carol = lab.phone('carol');
    carol.invite(bob.uri);
    await carol.ends();
    await lab.advance(40_000);
    expect(times(lab, 'bob', '486 INVITE').slice(11)).toEqual([start + 1]);
    expect(times(lab, 'carol', 'ACK')).toEqual([start + 2]);
  });

  test('copies of a request get the same answer again', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    alice.misbehave({ copies: 3 });
    const first = await alice.ask('OPTIONS', bob.uri);
    await lab.advance(10);
    expect(alice.received.map(({ text }) => text)).toEqual([first.text, first.text, first.text]);
    alice.invite(bob.uri);
    await bob.rings();
    await lab.advance(10);
    expect(times(lab, 'bob', '180 INVITE')).toHaveLength(3);
    expect([...new Set(alice.received.slice(3).map(({ text }) => text))]).toHaveLength(1);
    await bob.answer();
    await lab.advance(10_000);
    // A 2xx goes out by itself: copies of the INVITE bring about no more of it (RFC 6026 §7.1).
    expect(times(lab, 'bob', '200 INVITE')).toHaveLength(1);
    expect(bob.received.filter(({ what }) => what === 'ACK')).toHaveLength(3);
    alice.send(alice.call?.invite.text ?? '');
    await lab.advance(10);
    expect(times(lab, 'bob', '200 INVITE')).toHaveLength(1);
  });

  test('copies of a refusal get their ACK again, also when nobody waits for it any more', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    bob.onCall = { reject: 404 };
    bob.misbehave({ copies: 2 });
    alice.invite(bob.uri);
    await alice.ends();
    await lab.advance(1);
    expect(times(lab, 'alice', 'ACK')).toHaveLength(2);
    await lab.advance(65_000);
    alice.misbehave({ sendsOnce: true });
    bob.misbehave({ sendsOnce: true, lateMs: 33_000, copies: 1 });
    alice.invite(bob.uri);
    await alice.ends();
    expect(alice.call?.endedBy).toBe('nobody');
    await lab.advance(10_000);
    expect(times(lab, 'alice', 'ACK')).toHaveLength(3);
    await expectNoTimers(lab);
  });

  test('one that sends once sends nothing again', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'udp');
    alice.misbehave({ sendsOnce: true });
    bob.misbehave({ sendsOnce: true });
    bob.onCall = { answerAfterMs: 0 };
    alice.misbehave({ ack: 'never' });
    await alice.dial(bob.uri);
    await alice.ends();
    expect(times(lab, 'bob', '200 INVITE')).toEqual([1]);
    bob.vanish();
    alice.invite(bob.uri);
    await alice.ends();
    expect(times(lab, 'alice', 'INVITE')).toHaveLength(2);
  });
});

describe('on TCP', () => {
  test('no request goes out twice', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'tcp');
    bob.misbehave({ ignores: ['INVITE', 'BYE'] });
    alice.invite(bob.uri);
    await alice.ends();
    expect(times(lab, 'alice', 'INVITE')).toHaveLength(1);
    expect(lab.clock.now()).toBe(32_000);
    bob.behave();
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    bob.misbehave({ ignores: ['BYE'] });
    expect(await alice.hangup()).toBeUndefined();
    expect(times(lab, 'alice', 'BYE')).toHaveLength(1);
  });

  test('a 2xx goes out until its ACK all the same', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'tcp');
    alice.misbehave({ ack: 'never' });
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.ends();
    const [first = 0] = times(lab, 'bob', '200 INVITE');
    expect(times(lab, 'bob', '200 INVITE')).toEqual(from(first, timerE));
  });

  test('a refusal goes out once', async ({ lab }) => {
    const [alice, bob] = pair(lab, 'tcp');
    bob.onCall = { reject: 486, ring: false, rejectAfterMs: 10 };
    alice.invite(bob.uri);
    await lab.advance(11);
    alice.vanish();
    await lab.advance(20_000);
    alice.comeBack();
    await alice.ends();
    await lab.advance(60_000);
    expect(times(lab, 'bob', '486 INVITE')).toHaveLength(1);
  });
});

test('a phone and a server have the same timers', async () => {
  const timesOf = async (who: 'phone' | 'server'): Promise<number[]> => {
    await using lab = new Lab();
    const bob = lab.phone('bob');
    bob.misbehave({ ignores: ['INVITE'] });
    const tandem = await lab.serve(() => {});
    const caller = lab.phone('alice');
    if (who === 'phone') {
      caller.invite(bob.uri);
      await caller.ends();
    } else await lab.run(tandem.invite(bob.uri).catch(() => {}));
    return times(lab, who === 'phone' ? 'alice' : 'tandem', 'INVITE');
  };
  expect(await timesOf('phone')).toEqual(await timesOf('server'));
});
