import { describe } from 'vitest';
import { sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { complaint, expectNoTimers, ladder, pause, times } from './ladder.ts';

describe('a phone that dials', () => {
  test('is answered, and both hear each other', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 1000 };
    await alice.dial(bob.uri);
    expect(lab.clock.now()).toBe(1002);
    await bob.isUp();
    await Promise.all([alice.speak(sine(440)), bob.speak(sine(660))]);
    await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
    expect((await alice.hangup())?.status).toBe(200);
    expect(ladder(lab)).toEqual([
      'alice INVITE',
      'bob 180 INVITE',
      'bob 200 INVITE',
      'alice ACK',
      'alice BYE',
      'bob 200 BYE',
    ]);
    expect(alice.call).toMatchObject({ role: 'caller', state: 'over', endedBy: 'local', status: 200 });
    expect(bob.call).toMatchObject({ role: 'callee', state: 'over', endedBy: 'remote', status: 200 });
    await expectNoTimers(lab);
  });

  test.for([302, 404, 486, 500, 603])('is refused with %i', async (status, { lab }) => {
    await lab.serve((call) => call.reject(status));
    const alice = lab.phone('alice');
    alice.invite('1000');
    expect((await alice.ends())?.status).toBe(status);
    expect(alice.call).toMatchObject({ state: 'over', endedBy: 'remote', status });
    expect(times(lab, 'alice', 'ACK')).toHaveLength(1);
    expect(await complaint(alice, () => alice.dial('1000'))).toMatch(`alice's call to 1000 failed: SIP/2.0 ${status} `);
    await expectNoTimers(lab);
  });

  test('hears of a phone that refuses by plan, at once or later', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { reject: 600 };
    alice.invite(bob.uri);
    expect((await alice.ends())?.startLine).toBe('SIP/2.0 600 Busy Everywhere');
    bob.onCall = { reject: 480, rejectAfterMs: 5000 };
    alice.invite(bob.uri);
    await alice.receives(180);
    expect((await alice.ends())?.at).toBe(5000 + 2 + 2);
    expect(bob.call).toMatchObject({ endedBy: 'local', status: 480 });
    await expectNoTimers(lab);
  });

  test('gives up after 32 s when nobody says anything', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.misbehave({ ignores: ['INVITE'] });
    expect(await complaint(alice, () => alice.dial(bob.uri))).toBe(
      "alice's call to sip:bob@10.0.1.2:5060 failed: nobody answered the INVITE",
    );
    expect(lab.clock.now()).toBe(32_000);
    expect(alice.call).toMatchObject({ state: 'over', endedBy: 'nobody', status: 408, lastWord: undefined });
    await expectNoTimers(lab);
  });

  test('rings for ever', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    expect(await complaint(alice, () => alice.dial(bob.uri, { within: 3_000_000 }))).toBe(
      'alice: sip:bob@10.0.1.2:5060 did not answer within 3000 s',
    );
    expect(lab.clock.now()).toBe(3_000_000);
    expect(alice.call?.state).toBe('calling');
    expect(bob.call?.state).toBe('ringing');
    expect(times(lab, 'alice', 'INVITE')).toEqual([0]);
    await alice.cancel();
    await expectNoTimers(lab);
  });

  test('hears the far end before it answers, and the same SDP again when it does', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { early: true, answerAfterMs: 3000 };
    alice.invite(bob.uri);
    const early = await alice.receives(183);
    await Promise.all([bob.speak(sine(425)), alice.speak(sine(440))]);
    await Promise.all([alice.hearsTone(425), bob.hearsTone(440)]);
    expect(alice.call?.state).toBe('calling');
    await alice.isUp();
    expect((await alice.receives(200)).body).toBe(early.body);
    await alice.hearsTone(425);
    await alice.hangup();
  });

  test('hears what comes before the answer to its offer', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    bob.misbehave({ lateMs: 300 });
    const call = alice.invite(bob.uri);
    await lab.advance(200);
    expect(call.state).toBe('calling');
    expect(call.media.ear).toMatchObject({ packets: 10, strange: 0 });
  });

  test('takes nothing from a provisional response that comes behind the answer', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { early: true, answerAfterMs: 100 };
    await alice.dial(bob.uri);
    await alice.hold();
    bob.send(alice.received.find(({ what }) => what === '183')?.text ?? '');
    await alice.receives(183);
    await alice.receives(183);
    expect(alice.call).toMatchObject({ state: 'up', isEarly: false });
    expect(alice.call?.media.direction).toBe('sendonly');
  });

  test('hears the early media of a server', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.progressMedia();
      await call.playback().play(new URL('../../../prompts/not-available.wav', import.meta.url));
      await call.reject(480);
    });
    const alice = lab.phone('alice');
    alice.invite('1000');
    await alice.receives(183);
    await alice.hears('not-available.wav');
    expect((await alice.ends())?.status).toBe(480);
  });

  test('leaves the offer to the far end', async ({ lab }) => {
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    await lab.serve(async (call) => {
      await call.answer();
      await call.echo();
    });
    for (const target of [bob.uri, '1000']) {
      const alice = lab.phone();
      await alice.dial(target, { sdp: null });
      expect(alice.call?.invite.body).toBe('');
      expect((await alice.receives(200)).body).toMatch(/^v=0/);
      await alice.speak(sine(440));
      if (target === bob.uri) {
        await bob.isUp();
        await bob.speak(sine(440));
      }
      await alice.hearsTone(440);
      await alice.hangup();
    }
    expect(bob.received.find(({ what }) => what === 'ACK')?.body).toMatch(/^v=0/);
  });

  test('sends SDP of its own making, and headers in the place of its own', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.invite(bob.uri, {
      sdp: (own) => own.replace('a=ptime:20', 'a=ptime:40'),
      headers: [
        ['Subject', 'lunch'],
        ['Max-Forwards', '7'],
      ],
      from: 'sip:boss@example.com',
    });
    const invite = await bob.rings();
    expect(invite.body).toContain('a=ptime:40');
    expect(invite.header('subject')).toBe('lunch');
    expect(invite.headers.filter(([name]) => name === 'max-forwards')).toEqual([['max-forwards', '7']]);
    expect(invite.uriOf('from')).toBe('sip:boss@example.com');
    expect((await lab.run(alice.call?.hangup() ?? Promise.reject()))?.status).toBe(undefined);
  });

  test('finds hosts by name, and by addresses of both kinds', async ({ lab }) => {
    const alice = lab.phone('alice', { address: '2001:db8::a' });
    const bob = lab.phone('bob', { address: '2001:db8::b' });
    bob.onCall = { answerAfterMs: 0 };
    expect(bob.uri).toBe('sip:bob@[2001:db8::b]:5060');
    for (const target of ['sip:x@bob', 'y@bob', bob.uri]) {
      await alice.dial(target);
      await bob.isUp();
      await bob.speak(sine(440));
      await alice.hearsTone(440);
      await alice.hangup();
    }
    expect(bob.received.filter(({ what }) => what === 'INVITE').map(({ uri }) => uri)).toEqual([
      'sip:x@bob',
      'sip:y@bob',
      bob.uri,
    ]);
  });

  test('says what is wrong with a target', async ({ lab }) => {
    const alice = lab.phone('alice');
    expect(await complaint(alice, () => alice.dial('sip:bob@nowhere'))).toBe(
      'alice cannot call sip:bob@nowhere: the lab has no such host',
    );
    expect(() => alice.invite('1000')).toThrow('whom does 1000 mean? There is no Tandem in the lab yet');
    const bob = lab.phone('bob');
    alice.invite(bob.uri);
    expect(await complaint(alice, () => alice.invite(bob.uri))).toBe(
      'alice has a call already: use anotherLine() for a second',
    );
  });
});

describe('a phone that cancels', () => {
  test('waits for a provisional response first', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { ring: false };
    alice.invite(bob.uri);
    const cancelled = alice.cancel();
    await lab.advance(1000);
    expect(times(lab, 'alice', 'CANCEL')).toEqual([]);
    bob.progress(100);
    await cancelled;
    expect(times(lab, 'alice', 'CANCEL')).toEqual([1001]);
    expect(ladder(lab).slice(-4)).toEqual(['alice CANCEL', 'bob 200 CANCEL', 'bob 487 INVITE', 'alice ACK']);
    const [ok, terminated] = alice.received.slice(-2);
    expect(ok?.toTag).toBe(terminated?.toTag);
    expect(alice.call).toMatchObject({ endedBy: 'remote', status: 487 });
    expect(bob.call).toMatchObject({ endedBy: 'remote', status: 487 });
    expect((await bob.ends())?.what).toBe('CANCEL');
    await expectNoTimers(lab);
  });

  test('a server that rings is told so', async ({ lab }) => {
    const tandem = await lab.serve(async (call) => {
      await call.ringing();
      await call.ended;
    });
    const causes: unknown[] = [];
    tandem.observer.on('call:ended', ({ cause }) => void causes.push(cause));
    const alice = lab.phone('alice');
    alice.invite('1000');
    await alice.receives(180);
    await alice.cancel();
    expect(alice.call?.status).toBe(487);
    expect(causes).toMatchObject([{ by: 'remote', method: 'CANCEL', status: 487 }]);
  });

  test('takes a 200 that crosses the CANCEL, and hangs up', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.invite(bob.uri);
    await bob.rings();
    await alice.receives(180);
    const cancelled = alice.cancel();
    bob.call?.later(0.5, () => void bob.answer().catch(() => {}));
    await cancelled;
    await bob.ends();
    expect(ladder(lab).slice(2)).toEqual([
      'alice CANCEL',
      'bob 200 INVITE',
      'bob 200 CANCEL',
      'alice ACK',
      'alice BYE',
      'bob 200 BYE',
    ]);
    expect(alice.call).toMatchObject({ endedBy: 'local', status: 200 });
    expect(bob.call).toMatchObject({ endedBy: 'remote', status: 200 });
    await expectNoTimers(lab);
  });

  test.for([0.5, 1, 1.5, 2, 2.5, 3])('a server that answers %d ms behind its ringing has no call left', async (ms, {
    lab,
  }) => {
    const tandem = await lab.serve(async (call) => {
      await call.ringing();
      await pause(lab, ms);
      await call.answer();
      await call.echo();
    });
    const alice = lab.phone('alice');
    alice.invite('1000');
    await alice.receives(180);
    await alice.hangup();
    await alice.ends();
    await lab.advance(10);
    expect((await tandem.check()).calls).toBe(0);
    expect(alice.call).toMatchObject(ms <= 2 ? { endedBy: 'local', status: 200 } : { endedBy: 'remote', status: 487 });
  });

  test('gives up when its CANCEL brings about nothing', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.invite(bob.uri);
    await alice.receives(180);
    bob.vanish();
    await alice.cancel();
    expect(lab.clock.now()).toBe(2 + 32_000);
    expect(alice.call).toMatchObject({ endedBy: 'nobody', status: 408 });
  });

  test('that it has given up already it hangs up when the answer comes after all', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { ring: false, answerAfterMs: 31_900 };
    bob.misbehave({ lateMs: 200 });
    alice.invite(bob.uri);
    await alice.ends();
    expect(alice.call?.endedBy).toBe('nobody');
    await bob.ends();
    await lab.advance(300);
    expect(ladder(lab).slice(-4)).toEqual(['bob 200 INVITE', 'alice ACK', 'alice BYE', 'bob 200 BYE']);
    await expectNoTimers(lab);
  });

  test('has nothing to cancel when the call is up, or not its own', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.invite(bob.uri);
    await bob.rings();
    expect(await complaint(bob, () => bob.cancel())).toBe('bob has nothing to cancel: its call is ringing');
    await bob.answer();
    expect(await complaint(alice, () => alice.cancel())).toBe('alice has nothing to cancel: its call is up');
  });
});
