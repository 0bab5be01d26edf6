import { describe } from 'vitest';
import type { Lab, Phone } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { expectNoTimers, ladder, times } from './ladder.ts';

/** What alice and bob have done before one of them hangs up. */
const states: Readonly<Record<string, (alice: Phone, bob: Phone, lab: Lab) => Promise<void>>> = {
  'calls, before anybody said anything': async (alice, bob, lab) => {
    bob.onCall = { ring: false, answerAfterMs: 2500 };
    alice.invite(bob.uri);
    await lab.advance(100);
  },
  'calls, while it rings': async (alice, bob) => {
    alice.invite(bob.uri);
    await alice.receives(180);
  },
  'calls, with early media': async (alice, bob) => {
    bob.onCall = { early: true };
    alice.invite(bob.uri);
    await alice.receives(183);
  },
  'is just answered': async (alice, bob) => {
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
  },
  'has waited long': async (alice, bob, lab) => {
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await lab.advance(100_000);
  },
  'is on hold': async (alice, bob) => {
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.hold();
  },
  'is over already': async (alice, bob) => {
    bob.onCall = { reject: 486 };
    alice.invite(bob.uri);
    await alice.ends();
  },
};

describe('a caller that hangs up when it', () => {
  test.for(Object.entries(states))('%s leaves nothing behind', async ([, reach], { lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await reach(alice, bob, lab);
    await alice.hangup();
    expect(alice.call?.state).toBe('over');
    await lab.advance(10);
    expect(bob.call?.state).toBe('over');
    await expectNoTimers(lab);
  });

  test.for(Object.entries(states))('%s leaves nothing to clean up but the lab does it', async ([, reach], { lab }) => {
    await reach(lab.phone('alice'), lab.phone('bob'), lab);
    await lab.close();
    expect(lab.clock.pendingTimers()).toEqual([]);
  });
});

describe('a callee that hangs up', () => {
  test.for(Object.entries(states))('when the caller %s leaves nothing behind', async ([, reach], { lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await reach(alice, bob, lab);
    await bob.hangup();
    expect(bob.call?.state).toBe('over');
    await lab.advance(10);
    expect(alice.call?.state).toBe('over');
    await expectNoTimers(lab);
  });

  test('before its answer is acknowledged waits for the ACK with its BYE', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.misbehave({ ack: { afterMs: 3000 } });
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    expect(bob.call?.state).toBe('answered');
    expect((await bob.hangup())?.status).toBe(200);
    expect(times(lab, 'bob', 'BYE')).toEqual([2 + 3000 + 1]);
    expect(alice.call?.endedBy).toBe('remote');
    await expectNoTimers(lab);
  });

  test('before its answer is acknowledged waits no longer than for 32 s', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.misbehave({ ack: 'never' });
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.hangup();
    expect(times(lab, 'bob', 'BYE')).toEqual([1 + 32_000]);
    expect(bob.call?.endedBy).toBe('nobody');
    await expectNoTimers(lab);
  });
});

describe('the end of a call', () => {
  test('by two BYEs that cross is the end for both', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.isUp();
    const [toAlice, toBob] = await Promise.all([alice.hangup(), bob.hangup()]);
    expect([toAlice?.status, toBob?.status]).toEqual([200, 200]);
    expect(ladder(lab).slice(-4)).toEqual(['alice BYE', 'bob BYE', 'bob 200 BYE', 'alice 200 BYE']);
    expect([alice.call?.endedBy, bob.call?.endedBy]).toEqual(['local', 'local']);
    await expectNoTimers(lab);
  });

  test('by a BYE in the place of the ACK is the end of the 2xx, too', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    alice.misbehave({ ack: 'never' });
    await alice.dial(bob.uri);
    await lab.advance(1000);
    await alice.hangup();
    await expectNoTimers(lab);
    expect(times(lab, 'bob', '200 INVITE')).toEqual([1, 501]);
    expect(times(lab, 'bob', 'BYE')).toEqual([]);
    expect(bob.call?.endedBy).toBe('remote');
  });

  test('by a server comes with its BYE', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await call.hangup({ reason: 'enough' });
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    const bye = await alice.ends();
    expect(bye?.method).toBe('BYE');
    expect(bye?.header('reason')).toContain('enough');
    expect(alice.call?.endedBy).toBe('remote');
  });

  test('by BYEs of phone and server that cross leaves nothing behind', async ({ lab }) => {
    let over: () => void = () => {};
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      await new Promise<void>((resolve) => {
        over = resolve;
      });
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(1000);
    over();
    expect((await alice.hangup())?.status).toBe(200);
    expect(times(lab, 'tandem', 'BYE')).toEqual(times(lab, 'alice', 'BYE'));
    expect((await tandem.check()).calls).toBe(0);
  });

  test('is 481 to requests that come behind it', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.isUp();
    void alice.call?.request('BYE');
    await bob.ends();
    expect((await alice.request('INFO')).status).toBe(481);
    expect(alice.call).toMatchObject({ state: 'over', endedBy: 'nobody' });
    await expectNoTimers(lab);
  });

  test('comes when the peer does not answer a request in the dialog', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.isUp();
    bob.vanish();
    await expect(alice.request('OPTIONS')).rejects.toThrow('nobody answered the OPTIONS of alice');
    expect(alice.call).toMatchObject({ state: 'over', endedBy: 'nobody' });
    expect(times(lab, 'alice', 'BYE')[0]).toBe(3 + 32_000);
    await bob.hangup();
    await expectNoTimers(lab);
  });

  test('leaves the phone free for the next call', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    for (let i = 0; i < 3; i++) {
      await alice.dial(bob.uri);
      await alice.hangup();
    }
    expect(bob.received.filter(({ what }) => what === 'BYE')).toHaveLength(3);
    alice.onCall = { answerAfterMs: 0 };
    await bob.dial(alice.uri);
    await bob.hangup();
    expect(alice.call).toMatchObject({ role: 'callee', endedBy: 'remote' });
  });
});
