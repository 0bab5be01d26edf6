/** What a phone does wrong on purpose, and what a server makes of it. */
import { describe } from 'vitest';
import type { DialogServerSession, EndCause, Tandem } from '../../../src/index.ts';
import { type Lab, sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { expectNoTimers, ladder, pause, times } from './ladder.ts';

/** Answers, and sends back what it hears. */
const echo = async (call: DialogServerSession): Promise<void> => {
  const over = call.echo();
  await call.answer();
  await over;
};

/** How the calls of a server ended, in the order of their ends. */
function causes(tandem: Tandem): EndCause[] {
  const list: EndCause[] = [];
  tandem.observer.on('call:ended', ({ cause }) => void list.push(cause));
  return list;
}

async function expectNothingLeft(lab: Lab, tandem: Tandem): Promise<void> {
  await lab.advance(65_000);
  const { calls, background, sip, media } = await tandem.check();
  expect({ calls, background, dialogs: sip.dialogs, transactions: sip.transactions, legs: media.legs }).toEqual({
    calls: 0,
    background: 0,
    dialogs: 0,
    transactions: 0,
    legs: 0,
  });
  expect(sip.counters.internalErrors).toBe(0);
}

describe('a phone that never acknowledges', () => {
  test('gets the 2xx eleven times, and then BYE', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const ends = causes(tandem);
    const alice = lab.phone('alice');
    alice.misbehave({ ack: 'never' });
    await alice.dial('1000');
    const bye = await alice.ends();
    expect(bye?.method).toBe('BYE');
    expect(times(lab, 'tandem', '200 INVITE')).toHaveLength(11);
    expect(times(lab, 'tandem', 'BYE')).toEqual([32_001]);
    expect(times(lab, 'alice', 'ACK')).toEqual([]);
    expect(ends).toMatchObject([{ by: 'timeout', status: 408 }]);
    expect((await tandem.check()).sip.counters.ackTimeouts).toBe(1);
    await expectNothingLeft(lab, tandem);
  });

  test('late gets the 2xx until then, and has its call', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    alice.misbehave({ ack: { afterMs: 5000 } });
    await alice.dial('1000');
    await alice.speak(sine(440));
    await alice.hearsTone(440);
    await lab.advance(10_000);
    expect(times(lab, 'alice', 'ACK')).toEqual([5002]);
    expect(times(lab, 'tandem', '200 INVITE')).toEqual([1, 501, 1501, 3501]);
    await alice.hangup();
    await expectNothingLeft(lab, tandem);
  });

  test('a refusal does so all the same', async ({ lab }) => {
    const tandem = await lab.serve((call) => call.reject(404));
    const alice = lab.phone('alice');
    alice.misbehave({ ack: 'never' });
    alice.invite('1000');
    await alice.ends();
    expect(times(lab, 'alice', 'ACK')).toHaveLength(1);
    await expectNothingLeft(lab, tandem);
  });
});

describe('a phone that sends everything', () => {
  test('three times has one call, one hang-up, and each digit once', async ({ lab }) => {
    const digits: string[] = [];
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      digits.push((await call.gather({ digits: 3 })).digits);
      await call.ended;
    });
    const alice = lab.phone('alice');
    alice.misbehave({ copies: 3 });
    await alice.dial('1000');
    await alice.press('123');
    await alice.hold();
    await alice.hangup();
    expect(times(lab, 'alice', 'INVITE')).toHaveLength(6);
    expect(times(lab, 'alice', 'BYE')).toHaveLength(3);
    expect(digits).toEqual(['123']);
    await expectNothingLeft(lab, tandem);
    expect((await tandem.check()).sip.counters).toMatchObject({ merged: 0, strayAcks: 0 });
  });

  test('late is served late', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    alice.misbehave({ lateMs: 700 });
    await alice.dial('1000');
    // The 200 came again before its ACK was there.
    await lab.advance(2000);
    expect(times(lab, 'tandem', '200 INVITE')).toHaveLength(2);
    expect(times(lab, 'alice', 'ACK')).toHaveLength(2);
    await alice.hangup();
    await expectNothingLeft(lab, tandem);
    await expectNoTimers(lab);
  });

  test('once, whatever gets lost, is heard of once', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    alice.misbehave({ sendsOnce: true });
    await alice.dial('1000');
    lab.network.set({ loss: 1, only: 'sip' });
    expect(await alice.hangup()).toBeUndefined();
    expect(times(lab, 'alice', 'BYE')).toHaveLength(1);
    lab.network.set({ loss: 0 });
    expect((await tandem.check()).calls).toBe(1);
  });
});

describe('a phone that does not answer', () => {
  test('BYE is asked for 32 s, and then nothing is left', async ({ lab }) => {
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      await call.hangup();
    });
    const alice = lab.phone('alice');
    alice.misbehave({ ignores: ['BYE'] });
    await alice.dial('1000');
    await lab.advance(40_000);
    expect(times(lab, 'tandem', 'BYE')).toHaveLength(11);
    expect(alice.call?.state).toBe('up');
    expect((await tandem.check()).sip.counters.timeouts).toBe(1);
    await expectNothingLeft(lab, tandem);
    // What it says now is about a call that nobody knows.
    alice.behave();
    expect((await alice.hangup())?.status).toBe(481);
  });

  test('INVITE is not called any longer than 32 s', async ({ lab }) => {
    const bob = lab.phone('bob');
    bob.misbehave({ ignores: ['INVITE'] });
    const tandem = await lab.serve(() => {});
    await expect(lab.run(tandem.invite(bob.uri))).rejects.toMatchObject({ status: 408 });
    expect(lab.clock.now()).toBe(32_000);
    expect(bob.received).toHaveLength(7);
    expect(bob.call).toBeUndefined();
    await expectNothingLeft(lab, tandem);
  });

  test('CANCEL is given up on all the same', async ({ lab }) => {
    const bob = lab.phone('bob');
    bob.misbehave({ ignores: ['CANCEL'] });
    const tandem = await lab.serve(() => {});
    await expect(lab.run(tandem.invite(bob.uri, { timeout: 3000 }))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(times(lab, 'tandem', 'CANCEL').length).toBeGreaterThan(0);
    expect(bob.call?.state).toBe('ringing');
    await lab.advance(35_000);
    expect(times(lab, 'tandem', 'CANCEL')).toHaveLength(11);
    await expectNothingLeft(lab, tandem);
  });

  test('and takes no ACK, gets it again and again', async ({ lab }) => {
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    bob.misbehave({ ignores: ['ACK'] });
    const tandem = await lab.serve(() => {});
    const call = await lab.run(tandem.invite(bob.uri));
    await bob.ends();
    expect(bob.call).toMatchObject({ endedBy: 'nobody', status: 200 });
    expect(times(lab, 'tandem', 'ACK')).toHaveLength(11);
    expect(await lab.run(call.ended)).toMatchObject({ by: 'remote', method: 'BYE' });
    await expectNothingLeft(lab, tandem);
  });
});

describe('a phone that refuses', () => {
  test('a call, a change of it, and its end', async ({ lab }) => {
    const bob = lab.phone('bob');
    const tandem = await lab.serve(() => {});
    const ends = causes(tandem);
    bob.misbehave({ refuses: { INVITE: 603 } });
    await expect(lab.run(tandem.invite(bob.uri))).rejects.toMatchObject({ status: 603 });
    bob.behave();
    bob.onCall = { answerAfterMs: 0 };
    const call = await lab.run(tandem.invite(bob.uri));
    bob.misbehave({ refuses: { INVITE: 488, BYE: 481 } });
    await expect(lab.run(call.hold())).rejects.toMatchObject({ status: 488 });
    expect(call.state).toBe('confirmed');
    await lab.run(call.hangup());
    expect(ends).toMatchObject([{ by: 'remote', status: 603 }, { by: 'local' }]);
    expect(bob.call?.state).toBe('up');
    await expectNothingLeft(lab, tandem);
  });
});

describe('SDP that is wrong', () => {
  test.for([
    ['nonsense', () => 'v=0\r\nnonsense\r\n', 400],
    ['no version', (sdp: string) => sdp.replace('v=0\r\n', ''), 400],
    ['no audio', (sdp: string) => sdp.replace(/m=audio/, 'm=video'), 488],
    ['another protocol', (sdp: string) => sdp.replace('RTP/AVP', 'TCP/XYZ'), 488],
    ['no codec that anybody knows', (sdp: string) => sdp.replace(/m=audio .*/s, 'm=audio 4000 RTP/AVP 96\r\n'), 488],
    ['a port that is none', (sdp: string) => sdp.replace(/m=audio \d+/, 'm=audio 123456'), 400],
  ] as const)('in an INVITE is refused: %s', async ([, sdp, status], { lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    alice.misbehave({ sdp });
    alice.invite('1000');
    expect((await alice.ends())?.status).toBe(status);
    await expectNothingLeft(lab, tandem);
  });

  test('in an INVITE is none: the server makes the offer', async ({ lab }) => {
    await lab.serve(echo);
    const alice = lab.phone('alice');
    alice.misbehave({ sdp: () => '' });
    await alice.dial('1000');
    expect((await alice.receives(200)).body).toContain('m=audio');
    // And gets no answer in the ACK.
    expect((await alice.ends())?.method).toBe('BYE');
  });

  test('in an answer ends the call', async ({ lab }) => {
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    bob.misbehave({ sdp: () => 'v=0\r\nnonsense\r\n' });
    const tandem = await lab.serve(() => {});
    await expect(lab.run(tandem.invite(bob.uri))).rejects.toMatchObject({ code: 'ERR_SDP' });
    await lab.advance(10);
    expect(ladder(lab).slice(-4)).toEqual(['bob 200 INVITE', 'tandem ACK', 'tandem BYE', 'bob 200 BYE']);
    await expectNothingLeft(lab, tandem);
  });

  test('in a re-INVITE leaves the call as it was', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    await alice.dial('1000');
    alice.misbehave({ sdp: (sdp) => sdp.replace('RTP/AVP', 'TCP/XYZ') });
    expect((await alice.reInvite({ direction: 'sendonly' })).status).toBe(488);
    await alice.speak(sine(440));
    await alice.hearsTone(440);
    await alice.hangup();
    await expectNothingLeft(lab, tandem);
  });

  test('by both phones is silence, which the time line tells of', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    bob.misbehave({ sdp: () => 'nonsense' });
    await alice.dial(bob.uri);
    expect(lab.timeLine.toString()).toContain('has no use for the SDP answer');
    expect(alice.call?.media.remote).toBeUndefined();
  });
});

describe('a message that is garbled', () => {
  test.for([
    ['the CSeq is another method', (message: string) => message.replace('1 INVITE', '1 BYE')],
    ['the From has no end', (message: string) => message.replace(/From: .*/, 'From: <sip:alice')],
    ['the CSeq is no number', (message: string) => message.replace('CSeq: 1', 'CSeq: one')],
  ] as const)('is refused with 400: %s', async ([, garble], { lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    alice.misbehave({ garble, sendsOnce: true });
    alice.invite('1000');
    await alice.receives(400);
    expect((await tandem.check()).sip.counters.malformed).toBeGreaterThanOrEqual(1);
    expect((await tandem.check()).calls).toBe(0);
    alice.call?.drop();
    await expectNothingLeft(lab, tandem);
  });

  test.for([
    ['nonsense', 'nonsense'],
    ['binary', '\x00\x01\xff\xfe'.repeat(50)],
    ['a start line alone', 'INVITE sip:x@10.0.0.1 SIP/2.0\r\n\r\n'],
    ['a response to nothing', 'SIP/2.0 200 OK\r\n\r\n'],
    ['no end', 'OPTIONS sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1;branch=z9hG4bKx\r\nCSeq: 1 OPTIONS'],
    ['an ACK to nothing', 'ACK sip:x@10.0.0.1 SIP/2.0\r\n\r\n'],
    [
      'no Call-ID',
      'OPTIONS sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1;branch=z9hG4bKx\r\nCSeq: 1 OPTIONS\r\n' +
        'From: <sip:x@x>;tag=1\r\nTo: <sip:x@x>\r\n\r\n',
    ],
  ] as const)('without a sender that can be answered is dropped and counted: %s', async ([, text], { lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    alice.send(text, '1000');
    await lab.advance(1000);
    expect((await tandem.check()).sip.counters).toMatchObject({ malformed: 1, internalErrors: 0 });
    expect((await alice.ask('OPTIONS', '1000')).status).toBe(200);
  });

  test('by a response is as good as none', async ({ lab }) => {
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    bob.misbehave({ garble: (message) => message.replace('SIP/2.0 ', 'SIP/3.0 ') });
    const tandem = await lab.serve(() => {});
    await expect(lab.run(tandem.invite(bob.uri))).rejects.toMatchObject({ status: 408 });
    bob.behave();
    expect((await tandem.check()).sip.counters.malformed).toBeGreaterThan(10);
    await bob.ends();
    await expectNothingLeft(lab, tandem);
  });

  test('what comes back to a message by hand is received', async ({ lab }) => {
    await lab.serve(echo);
    const alice = lab.phone('alice');
    const text = (branch: string): string =>
      [
        'OPTIONS sip:10.0.0.1 SIP/2.0',
        `Via: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK${branch}`,
        'From: <sip:x@x>;tag=1',
        'To: <sip:10.0.0.1>',
        `Call-ID: ${branch}`,
        'CSeq: 7 OPTIONS',
        'Max-Forwards: 70',
        'Content-Length: 0',
        '\r\n',
      ].join('\r\n');
    alice.send(text('a'), '1000');
    expect((await alice.receives(200)).callId).toBe('a');
    alice.send(text('b'), { address: '10.0.0.1', port: 5060, transport: 'udp' });
    expect((await alice.receives(200)).callId).toBe('b');
    await alice.dial('1000');
    alice.send(text('c'));
    expect((await alice.receives(({ callId }) => callId === 'c')).status).toBe(200);
  });
});

describe('a phone that is silent', () => {
  test('sends no RTP, and the server tells of it', async ({ lab }) => {
    const tandem = await lab.serve(echo, { media: { rtpTimeout: 5000 } });
    const silences: number[] = [];
    tandem.observer.on('media:timeout', ({ silentMs }) => void silences.push(silentMs));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(10_000);
    expect(silences).toEqual([]);
    alice.goSilent();
    await lab.advance(6_000);
    expect(silences).toHaveLength(1);
    alice.goSilent(false);
    await alice.speak(sine(440));
    await alice.hearsTone(440);
  });

  test('is hung up on where that is wanted, but not on hold', async ({ lab }) => {
    const tandem = await lab.serve(echo, { media: { rtpTimeout: 5000, hangupOnRtpTimeout: true } });
    const ends = causes(tandem);
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hold();
    alice.goSilent();
    await lab.advance(20_000);
    expect(ends).toEqual([]);
    await alice.resume();
    await lab.advance(6000);
    expect(ends).toEqual([{ by: 'timeout', reason: 'no RTP' }]);
  });

  test('by its nature sends only what it says', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice', { talks: false }), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await lab.advance(1000);
    expect(bob.call?.media.ear.packets).toBe(0);
    await alice.say(new Int16Array(800).fill(1000));
    alice.goSilent();
    alice.goSilent(false);
    await lab.advance(1000);
    expect(bob.call?.media.ear.packets).toBe(5);
  });
});

describe('a phone that vanishes', () => {
  test('is hung up in vain, and nothing is left of it', async ({ lab }) => {
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      await pause(lab, 3000);
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    alice.vanish();
    await lab.advance(3000 + 33_000);
    expect(times(lab, 'tandem', 'BYE')).toHaveLength(11);
    expect((await tandem.check()).calls).toBe(0);
    await expectNothingLeft(lab, tandem);
    alice.comeBack();
    expect(alice.call?.state).toBe('up');
    expect((await alice.hangup())?.status).toBe(481);
  });

  test('and comes back in time has its call still', async ({ lab }) => {
    const tandem = await lab.serve(echo);
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.speak(sine(440));
    await alice.hearsTone(440);
    alice.vanish();
    await alice.hearsSilence(5000);
    alice.comeBack();
    await alice.hearsTone(440);
    await alice.hangup();
    await expectNothingLeft(lab, tandem);
  });

  test('as it is called is not waited for', async ({ lab }) => {
    const bob = lab.phone('bob');
    const tandem = await lab.serve(() => {});
    const calling = tandem.invite(bob.uri, { timeout: 5000 });
    await bob.rings();
    bob.vanish();
    await expect(lab.run(calling)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await expectNothingLeft(lab, tandem);
  });
});

test('a phone that behaves again does everything right', async ({ lab }) => {
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  bob.misbehave({ copies: 2, lateMs: 100 });
  bob.misbehave({ ignores: ['OPTIONS'] });
  bob.misbehave({});
  bob.onCall = { answerAfterMs: 0 };
  await alice.dial(bob.uri);
  await lab.advance(1000);
  expect(times(lab, 'bob', '200 INVITE')).toEqual([101, 101]);
  await expect(alice.ask('OPTIONS', bob.uri)).rejects.toThrow('nobody answered');
  bob.behave();
  expect((await alice.ask('OPTIONS', bob.uri)).status).toBe(200);
  expect(times(lab, 'bob', '200 OPTIONS')).toHaveLength(1);
});
