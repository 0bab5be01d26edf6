import { describe } from 'vitest';
import { sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { complaint, expectNoTimers, ladder, times } from './ladder.ts';

describe('a phone that is called', () => {
  test('rings until it is told to answer', async ({ lab }) => {
    const bob = lab.phone('bob');
    const tandem = await lab.serve(() => {});
    const calling = tandem.invite(bob.uri);
    const invite = await bob.rings();
    expect(invite.startLine).toBe('INVITE sip:bob@10.0.1.1:5060 SIP/2.0');
    await lab.advance(20_000);
    expect(bob.call?.state).toBe('ringing');
    await bob.answer();
    expect(bob.call).toMatchObject({ state: 'up', status: 200 });
    const call = await lab.run(calling);
    await bob.speak(sine(440));
    await lab.run(call.close());
    expect((await bob.ends())?.what).toBe('BYE');
  });

  test('shows progress as it is told to', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { ring: false };
    alice.invite(bob.uri);
    await bob.rings();
    bob.progress(100);
    bob.progress(181, { headers: [['Reason', 'SIP;text="forwarded"']] });
    bob.progressMedia();
    expect((await alice.receives(100)).toTag).toBe('');
    const forwarded = await alice.receives(181);
    expect(forwarded.header('reason')).toBe('SIP;text="forwarded"');
    expect(forwarded.body).toBe('');
    expect((await alice.receives(183)).body).toMatch(/^v=0/);
    await bob.speak(sine(500));
    await alice.hearsTone(500);
    bob.reject(403, 'Go Away', [['Retry-After', '60']]);
    const refusal = await alice.ends();
    expect(refusal?.startLine).toBe('SIP/2.0 403 Go Away');
    expect(refusal?.header('retry-after')).toBe('60');
    await expectNoTimers(lab);
  });

  test('answers by plan, with content of its own', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = {
      ring: false,
      answerAfterMs: 700,
      content: { headers: [['Subject', 'hello']], sdp: (own) => own.replace('s=-', 's=bob') },
    };
    await alice.dial(bob.uri);
    expect(ladder(lab)).toEqual(['alice INVITE', 'alice INVITE', 'bob 200 INVITE', 'alice ACK']);
    const answer = await alice.receives(200);
    expect(answer.header('subject')).toBe('hello');
    expect(answer.body).toContain('s=bob');
    await alice.speak(sine(440));
    await bob.hearsTone(440);
  });

  test('answers an INVITE without an offer by one, which the ACK answers', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob', { codecs: ['PCMA'] })];
    bob.onCall = { early: true, answerAfterMs: 100 };
    await alice.dial(bob.uri, { sdp: null });
    // Early media would need the answer.
    expect((await alice.receives(183)).body).toBe('');
    await bob.isUp();
    expect((await alice.receives(200)).body).toContain('m=audio 49152 RTP/AVP 8\r\n');
    expect((await bob.receives('ACK')).body).toContain(' RTP/AVP 8\r\n');
    await Promise.all([alice.speak(sine(440)), bob.speak(sine(550))]);
    await Promise.all([alice.hearsTone(550), bob.hearsTone(440)]);
  });

  test('refuses what it has no codec for', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice', { codecs: ['PCMU'] }), lab.phone('bob', { codecs: ['PCMA'] })];
    bob.onCall = { answerAfterMs: 0 };
    alice.invite(bob.uri);
    expect((await alice.ends())?.status).toBe(488);
    bob.onCall = {};
    alice.invite(bob.uri);
    await bob.rings();
    expect(await complaint(bob, () => bob.answer())).toBe('bob could not answer: it was refused with 488');
  });

  test('sends its requests to where the Contact of the caller says', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri, { headers: [['Contact', `<${carol.uri}>`]] });
    await bob.isUp();
    expect((await bob.hangup())?.status).toBe(481);
    expect((await carol.receives('BYE')).uri).toBe(carol.uri);
  });

  test('is busy on a second INVITE', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    alice.invite(bob.uri);
    await bob.rings();
    carol.invite(bob.uri);
    expect((await carol.ends())?.startLine).toBe('SIP/2.0 486 Busy Here');
    await bob.answer();
    carol.invite(bob.uri);
    expect((await carol.ends())?.status).toBe(486);
    expect(bob.call).toMatchObject({ state: 'up' });
    await bob.hangup();
    carol.invite(bob.uri);
    await bob.rings();
  });

  test('answers nothing any more when the caller has given up', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 3000 };
    alice.invite(bob.uri);
    await alice.receives(180);
    await alice.cancel();
    await lab.advance(10);
    // Nor does the plan's timer stay behind.
    expect(lab.clock.pendingTimers().filter(({ label }) => label === 'phone')).toEqual([]);
    expect(await complaint(bob, () => bob.answer())).toBe('bob cannot answer: its call is over');
    expect(await complaint(bob, () => bob.reject())).toBe('bob cannot reject: its call is over');
    expect(times(lab, 'bob', '200 INVITE')).toEqual([]);
    await expectNoTimers(lab);
  });

  test('hangs up when nobody acknowledges its answer', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.misbehave({ ack: 'never' });
    alice.invite(bob.uri);
    await bob.rings();
    expect(await complaint(bob, () => bob.answer())).toBe('bob could not answer: there was no ACK');
    expect(bob.call).toMatchObject({ state: 'over', endedBy: 'nobody', status: 200 });
    expect((await alice.ends())?.what).toBe('BYE');
    await expectNoTimers(lab);
  });

  test('says what it cannot do', async ({ lab }) => {
    const bob = lab.phone('bob');
    expect(await complaint(bob, () => bob.answer())).toBe('bob cannot answer: nobody called: wait for rings()');
    expect(await complaint(bob, () => bob.hangup())).toBe('bob has no call');
    expect(await complaint(bob, () => bob.rings({ within: 5000 }))).toBe('bob: nobody called within 5 s');
    await expect(bob.request('INFO')).rejects.toThrow('bob has no call');
  });

  test('tells of each call once', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { reject: 404 };
    const first = alice.invite(bob.uri);
    expect((await bob.rings()).callId).toBe(first.callId);
    await alice.ends();
    // It came and went while nobody asked.
    alice.invite(bob.uri);
    await alice.ends();
    expect(await complaint(bob, () => bob.rings({ within: 1000 }))).toBe('bob: nobody called within 1 s');
    bob.onCall = { answerAfterMs: 0 };
    const third = alice.invite(bob.uri);
    await alice.isUp();
    expect((await bob.rings()).callId).toBe(third.callId);
  });
});

describe('another line', () => {
  test('has a call of its own, with audio of its own', async ({ lab }) => {
    const [bob, carol] = [lab.phone('bob'), lab.phone('carol')];
    const alice = lab.phone('alice');
    const second = alice.anotherLine();
    expect(second.name).toBe('alice/2');
    bob.onCall = carol.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await second.dial(carol.uri);
    await Promise.all([bob.isUp(), carol.isUp()]);
    await Promise.all([bob.speak(sine(440)), carol.speak(sine(660)), alice.speak(sine(550)), second.speak(sine(770))]);
    await Promise.all([alice.hearsTone(440), second.hearsTone(660), bob.hearsTone(550), carol.hearsTone(770)]);
    await second.hangup();
    expect(alice.call?.state).toBe('up');
    await alice.hangup();
  });

  test('takes the call that comes in when the first is busy', async ({ lab }) => {
    const [bob, carol, dave] = [lab.phone('bob'), lab.phone('carol'), lab.phone('dave')];
    const alice = lab.phone('alice');
    const second = alice.anotherLine();
    second.onCall = { answerAfterMs: 0 };
    bob.invite(alice.uri);
    await alice.rings();
    carol.invite(alice.uri);
    await second.rings();
    await second.isUp();
    expect(alice.call?.state).toBe('ringing');
    dave.invite(alice.uri);
    expect((await dave.ends())?.status).toBe(486);
    await carol.hangup();
    expect(second.call?.endedBy).toBe('remote');
    second.onCall = {};
    carol.invite(alice.uri);
    await second.rings();
    await carol.receives(180);
    await carol.cancel();
    expect((await second.receives('CANCEL')).callId).toBe(carol.call?.callId);
    expect(alice.call?.state).toBe('ringing');
  });

  test('can call the first', async ({ lab }) => {
    const alice = lab.phone('alice');
    const second = alice.anotherLine();
    alice.onCall = { answerAfterMs: 0 };
    await second.dial(alice.uri);
    await alice.isUp();
    await second.speak(sine(440));
    await alice.hearsTone(440);
    await second.hangup();
    expect(alice.call).toMatchObject({ state: 'over', endedBy: 'remote' });
    await expectNoTimers(lab);
  });
});
