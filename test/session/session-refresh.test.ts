import { describe } from 'vitest';
import type { DialogSession } from '../../src/session/dialog-session.ts';
import type { EndCause } from '../../src/session/errors.ts';
import type { Lab, LabTandemOptions, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

const timer = ['Supported', 'timer'] as const;
const every = (seconds: string) => ['Session-Expires', seconds] as const;

/** A call of the phone that is answered and goes on. */
async function called(lab: Lab, phone: Phone, ...headers: (readonly [string, string])[]): Promise<DialogSession> {
  const { promise, resolve } = Promise.withResolvers<DialogSession>();
  await lab.serve(async (call) => {
    await call.answer();
    resolve(call);
    await call.ended;
  });
  await phone.dial('1000', { headers });
  return lab.run(promise);
}

/** A call of ours that the phone answers, with these headers in each 2xx to INVITE and UPDATE. */
async function calling(
  lab: Lab,
  phone: Phone,
  headers: string,
  options: LabTandemOptions = {},
): Promise<DialogSession> {
  const tandem = await lab.serve(() => {}, options);
  says(phone, headers);
  phone.onCall = { answerAfterMs: 0 };
  const call = await lab.run(tandem.invite(phone.uri));
  await phone.isUp();
  return call;
}

function says(phone: Phone, headers: string, allow = 'INVITE, ACK, BYE, CANCEL, UPDATE'): void {
  phone.misbehave({
    garble: (text) =>
      /^SIP\/2.0 200/.test(text) && /^CSeq: \d+ (INVITE|UPDATE)/m.test(text)
        ? text.replace(/^Allow:.*$/m, `Allow: ${allow}\r\n${headers}`)
        : text,
  });
}

/** How the call ended, and how long after `from` (ms of the lab). */
async function end(lab: Lab, call: DialogSession): Promise<[EndCause, number]> {
  const cause = await lab.run(call.ended);
  return [cause, lab.clock.now()];
}

const expired = { by: 'timeout', status: 408, reason: 'session expired' };

describe('a caller that asks for a session timer', () => {
  test('refreshes itself, and is hung up when it does not', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await called(lab, phone, timer, every('90'));
    const answer = await phone.receives(200);
    expect([answer.header('session-expires'), answer.header('require')]).toEqual(['90;refresher=uac', 'timer']);
    await lab.advance(45_000);
    expect((await phone.update({ sdp: null, headers: [timer, every('90;refresher=uac')] })).status).toBe(200);
    const refreshed = lab.clock.now();
    const [cause, at] = await end(lab, call);
    expect(cause).toEqual(expired);
    expect(at - refreshed).toBeCloseTo(60_000, -1);
    expect((await phone.receives('BYE')).header('reason')).toContain('session expired');
  });

  test('gets 422 when it asks for too little, and is served when it asks for enough', async ({ lab }) => {
    const phone = lab.phone('phone');
    await lab.serve((call) => call.answer());
    phone.invite('1000', { headers: [timer, every('30')] });
    expect((await phone.receives(422)).text).toContain('\r\nMin-SE: 90\r\n');
    await phone.dial('1000', { headers: [timer, every('90'), ['Min-SE', '90']] });
    const answer = await phone.receives(200);
    expect(answer.header('session-expires')).toBe('90;refresher=uac');
    expect((await phone.ends())?.what).toBe('BYE');
  });

  test('gets 422 in the call as well, and the call goes on', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await called(lab, phone, timer, every('90'));
    const refused = await phone.reInvite({ headers: [timer, every('10')] });
    expect([refused.status, refused.header('min-se')]).toEqual([422, '90']);
    expect(call.state).toBe('confirmed');
    await lab.run(call.close());
  });

  test('may leave the refreshing to us', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await called(lab, phone, timer, every('100;refresher=uas'));
    says(phone, 'Session-Expires: 100;refresher=uac');
    const first = await phone.receives('UPDATE');
    expect(first.header('session-expires')).toBe('100;refresher=uac');
    expect((await phone.receives('UPDATE')).at - first.at).toBeCloseTo(50_000, -1);
    await lab.run(call.close());
  });

  test('may know no timers: a proxy asked, and we refresh', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await called(lab, phone, every('120'));
    const answer = await phone.receives(200);
    expect([answer.header('session-expires'), answer.header('require')]).toEqual(['120;refresher=uas', '']);
    expect((await phone.receives('UPDATE')).at).toBeCloseTo(60_000, -1);
    // Its answer has no Session-Expires: from now on there is no timer.
    await lab.advance(3_600_000);
    expect(call.state).toBe('confirmed');
    await lab.run(call.close());
  });

  test('has none before the answer, whatever its UPDATE asks for', async ({ lab }) => {
    await lab.serve(async (call, tandem) => {
      await call.ringing();
      await tandem.sleep(300_000);
      await call.answer();
      await call.ended;
    });
    const phone = lab.phone('phone');
    const call = phone.invite('1000', { headers: [timer, every('90')] });
    await phone.receives(180);
    const updated = await phone.request('UPDATE', { headers: [timer, every('90')] });
    expect([updated.status, updated.header('session-expires')]).toEqual([200, '']);
    await lab.advance(299_000);
    expect(call.state).toBe('calling');
    await phone.isUp();
    await phone.hangup();
  });

  test('that does not ask has none', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await called(lab, phone);
    expect((await phone.receives(200)).header('session-expires')).toBe('');
    await lab.advance(7_200_000);
    expect(call.state).toBe('confirmed');
    await lab.run(call.close());
  });
});

describe('a call that we make', () => {
  test('asks for a timer, and is refreshed by UPDATE when the peer agrees', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await calling(lab, phone, 'Session-Expires: 90;refresher=uac');
    const invite = await phone.receives('INVITE');
    expect([invite.header('session-expires'), invite.all('supported')[0]]).toEqual(['1800', 'timer']);
    const [first, second] = [await phone.receives('UPDATE'), await phone.receives('UPDATE')];
    expect([first.body, second.at - first.at]).toEqual(['', 45_000 + 2]);
    await lab.run(call.close());
  });

  test('is refreshed by re-INVITE that changes nothing where the peer has no UPDATE', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await calling(lab, phone, 'Session-Expires: 90;refresher=uac');
    const offer = await phone.receives('INVITE');
    says(phone, 'Session-Expires: 90;refresher=uac', 'INVITE, ACK, BYE');
    await lab.run(call.hold());
    const hold = await phone.receives('INVITE');
    const again = await phone.receives('INVITE');
    expect(again.at - hold.at).toBeCloseTo(45_000, -1);
    expect(again.body).toBe(hold.body);
    expect(again.body).not.toBe(offer.body);
    expect(phone.received.some(({ method }) => method === 'UPDATE')).toBe(false);
    await lab.run(call.close());
  });

  test('is refreshed by re-INVITE where UPDATE is refused after all', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await calling(lab, phone, 'Session-Expires: 90;refresher=uac');
    phone.misbehave({ refuses: { UPDATE: 405 } });
    const update = await phone.receives('UPDATE');
    expect((await phone.receives('INVITE')).at - update.at).toBe(2);
    await lab.run(call.close());
  });

  test('is made again with more seconds after 422, in the same call', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const phone = lab.phone('phone');
    phone.misbehave({
      garble: (text) => text.replace(/^SIP\/2.0 422.*\r\n/, (line) => `${line}Min-SE: 3600\r\n`),
    });
    phone.onCall = { reject: 422 };
    const invited = tandem.invite(phone.uri);
    const refused = await phone.receives('INVITE');
    phone.onCall = { answerAfterMs: 0 };
    const call = await lab.run(invited);
    const again = await phone.receives('INVITE');
    expect([again.header('session-expires'), again.header('min-se')]).toEqual(['3600', '3600']);
    expect([again.callId, again.cseq.seq]).toEqual([refused.callId, refused.cseq.seq + 1]);
    expect([again.fromTag, again.toTag]).toEqual([refused.fromTag, '']);
    await lab.run(call.close());
  });

  test('is refused when 422 does not say what would do, or says more each time', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const phone = lab.phone('phone');
    phone.onCall = { reject: 422 };
    await expect(lab.run(tandem.invite(phone.uri))).rejects.toMatchObject({ status: 422 });
    let least = 2_000;
    phone.misbehave({
      garble: (text) => text.replace(/^SIP\/2.0 422.*\r\n/, (line) => `${line}Min-SE: ${least++}\r\n`),
    });
    await expect(lab.run(tandem.invite(phone.uri))).rejects.toMatchObject({ status: 422 });
    expect(phone.received.filter(({ method }) => method === 'INVITE')).toHaveLength(1 + 5);
  });

  test('is hung up when the peer is to refresh and does not', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await calling(lab, phone, 'Session-Expires: 120;refresher=uas');
    const [cause, at] = await end(lab, call);
    expect(cause).toEqual(expired);
    expect(at).toBeCloseTo(88_000, -1);
  });

  test('is hung up when our refreshes are refused until the end, and goes on when one is not', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await calling(lab, phone, 'Session-Expires: 900;refresher=uac');
    phone.misbehave({ refuses: { UPDATE: 503 } });
    await lab.advance(500_000);
    phone.misbehave({ refuses: {} });
    await lab.advance(900_000);
    expect(call.state).toBe('confirmed');
    phone.misbehave({ refuses: { UPDATE: 503 } });
    const [cause] = await end(lab, call);
    expect(cause).toEqual(expired);
    expect(phone.received.filter(({ method }) => method === 'UPDATE').length).toBeGreaterThan(4);
  });

  test('ends when the peer knows nothing of it at the refresh, or is gone', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await calling(lab, phone, 'Session-Expires: 90;refresher=uac');
    phone.misbehave({ refuses: { UPDATE: 481 } });
    expect(await lab.run(call.ended)).toMatchObject({ by: 'error', status: 481 });
    await phone.hangup();
    const other = lab.phone('other');
    const second = await calling(lab, other, 'Session-Expires: 900;refresher=uac', { name: 'second' });
    other.vanish();
    expect(await lab.run(second.ended)).toMatchObject({ by: 'timeout', status: 408 });
  });

  test('has no timer when it is switched off', async ({ lab }) => {
    const phone = lab.phone('phone');
    const call = await calling(lab, phone, 'Session-Expires: 90;refresher=uac', { sessionTimers: { enabled: false } });
    const invite = await phone.receives('INVITE');
    expect([invite.header('session-expires'), invite.all('supported').includes('timer')]).toEqual(['', false]);
    await lab.advance(3_600_000);
    expect(call.state).toBe('confirmed');
    await lab.run(call.close());
  });
});

test('each leg of a bridge has a timer of its own', async ({ lab }) => {
  const alice = lab.phone('alice');
  const bob = lab.phone('bob');
  bob.onCall = { answerAfterMs: 0 };
  await lab.serve(async (call, tandem) => {
    const agent = await call.invite(bob.uri);
    await using bridge = await tandem.bridge(call, agent);
    await bridge.ended;
  });
  says(bob, 'Session-Expires: 600;refresher=uac');
  await alice.dial('1000', { headers: [timer, every('120;refresher=uas')] });
  says(alice, 'Session-Expires: 120;refresher=uac');
  await lab.advance(610_000);
  const refreshes = (phone: Phone) => phone.received.filter(({ method }) => method === 'UPDATE').length;
  expect([refreshes(alice), refreshes(bob)]).toEqual([10, 2]);
  await alice.hangup();
  await bob.ends();
});
