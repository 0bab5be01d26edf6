import { describe } from 'vitest';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Lab, Phone, SipText } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

const supported = ['Supported', '100rel'] as const;
const required = ['Require', '100rel'] as const;
const isAnswer = ({ status, cseq }: SipText): boolean => status === 200 && cseq.method === 'INVITE';
const hasSdp = (message: SipText): boolean => message.body !== '';

/** An RTP address of its own: who answers with this is not the phone that sends it. */
const sdpAt = (port: number): string =>
  `v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`;

async function endedWith(
  lab: Lab,
  handle: (call: DialogServerSession) => Promise<void>,
): Promise<() => Promise<unknown>> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await lab.serve(async (call) => {
    void call.ended.then(resolve);
    await handle(call);
  });
  return () => lab.run(promise);
}

describe('early media for a caller', () => {
  test('that supports 100rel is acknowledged, and the answer has no SDP any more', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.ringing();
      await call.progressMedia();
      await call.playback().play(new URL('../../prompts/goodbye.wav', import.meta.url));
      await call.answer();
      await call.echo();
    });
    const alice = lab.phone('alice');
    alice.invite('1000', { headers: [supported] });
    expect((await alice.receives(180)).header('rseq')).toBe('');
    const early = await alice.receives(183);
    expect([early.header('require'), hasSdp(early)]).toEqual(['100rel', true]);
    await alice.hears('goodbye.wav');
    const answer = await alice.receives(isAnswer);
    expect(hasSdp(answer)).toBe(false);
    await alice.isUp();
    await alice.say('goodbye.wav');
    await alice.hears('goodbye.wav');
    await alice.hangup();
  });

  test('is answered when it is acknowledged, and not before', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.progressMedia();
      await call.answer();
      await call.ended;
    });
    const alice = lab.phone('alice');
    alice.misbehave({ prack: 'never' });
    alice.invite('1000', { headers: [supported] });
    await alice.receives(183);
    await lab.advance(1_000);
    expect(alice.call?.state).toBe('calling');
    alice.behave();
    await alice.isUp();
    expect(lab.clock.now()).toBeCloseTo(1_500, -2);
    await alice.hangup();
  });

  test('that never acknowledges it is refused with 504', async ({ lab }) => {
    const cause = await endedWith(lab, async (call) => {
      await call.progressMedia();
      await call.answer();
    });
    const alice = lab.phone('alice');
    alice.misbehave({ prack: 'never' });
    const call = alice.invite('1000', { headers: [supported] });
    await alice.ends();
    expect(call.status).toBe(504);
    expect(await cause()).toEqual({ by: 'timeout', status: 504 });
  });

  test('that hangs up without acknowledging it leaves nothing', async ({ lab }) => {
    const cause = await endedWith(lab, async (call) => {
      await call.progressMedia();
      await call.answer();
    });
    const alice = lab.phone('alice');
    alice.misbehave({ prack: 'never' });
    alice.invite('1000', { headers: [supported] });
    await alice.receives(183);
    await alice.cancel();
    expect(await cause()).toMatchObject({ by: 'remote', method: 'CANCEL' });
  });

  test('that made no offer gets ours, and answers it in PRACK', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.progressMedia();
      await call.playback().play(new URL('../../prompts/goodbye.wav', import.meta.url));
      await call.answer();
      await call.ended;
    });
    const alice = lab.phone('alice', { codecs: ['PCMA', 'telephone-event'] });
    alice.invite('1000', { sdp: null, headers: [supported] });
    expect(hasSdp(await alice.receives(183))).toBe(true);
    await alice.hears('goodbye.wav');
    expect(hasSdp(await alice.receives(isAnswer))).toBe(false);
    await alice.isUp();
    await alice.hangup();
  });

  test('that made no offer and has no use for ours is refused with 488', async ({ lab }) => {
    await lab.serve((call) => call.progressMedia());
    const alice = lab.phone('alice');
    alice.misbehave({ sdp: (sdp) => sdp.replace(/^m=.*$/m, 'm=audio 4000 RTP/AVP 18') });
    const call = alice.invite('1000', { sdp: null, headers: [supported] });
    await alice.ends();
    expect(call.status).toBe(488);
  });

  test('that made no offer and does not support 100rel is not possible', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await lab.serve(async (call) => {
      await call.progressMedia().catch(resolve);
      await call.answer();
    });
    const alice = lab.phone('alice');
    await alice.dial('1000', { sdp: null });
    expect(await promise).toMatchObject({ code: 'ERR_STATE' });
    await alice.ends();
  });

  test('may be changed by UPDATE of either side before the answer', async ({ lab }) => {
    const directions: unknown[] = [];
    await lab.serve(async (call, tandem) => {
      await call.progressMedia();
      await tandem.sleep(1_000);
      directions.push(call.media.audio?.direction);
      await call.reInvite({ method: 'UPDATE', direction: 'sendonly' });
      directions.push(call.media.audio?.direction);
      await call.answer();
      directions.push(call.media.audio?.direction);
      await call.ended;
    });
    const alice = lab.phone('alice');
    const call = alice.invite('1000', { headers: [supported] });
    await alice.receives(183);
    const offer = { type: 'application/sdp', body: `${sdpAt(call.media.port)}a=sendonly\r\n` };
    expect((await alice.request('UPDATE', offer)).body).toContain('a=recvonly');
    expect((await alice.receives('UPDATE')).body).toContain('a=sendonly');
    expect(hasSdp(await alice.receives(isAnswer))).toBe(false);
    await alice.isUp();
    await lab.advance(100);
    expect(directions).toEqual(['recvonly', 'sendonly', 'sendonly']);
    await alice.hangup();
  });
});

describe('a caller that requires 100rel', () => {
  test('gets every provisional response reliably', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.ringing();
      await call.progress();
      await call.answer();
      await call.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000', { headers: [required] });
    const provisional = alice.received.filter(({ status }) => status > 100 && status < 200);
    expect(provisional.map((one) => one.header('require'))).toContain('100rel');
    expect(provisional.every((one) => one.header('rseq') !== '')).toBe(true);
    // The 200 of the INVITE waits for no PRACK where there was no SDP to be acknowledged.
    const answer = await alice.receives(isAnswer);
    expect([answer.at, hasSdp(answer)]).toEqual([2, true]);
    await alice.hangup();
  });

  test('is refused with 420 when it is switched off', async ({ lab }) => {
    await lab.serve((call) => call.answer(), { reliable: 'off' });
    const alice = lab.phone('alice');
    const call = alice.invite('1000', { headers: [required] });
    await alice.ends();
    expect(call.status).toBe(420);
    await alice.dial('1000', { headers: [supported] });
    await alice.ends();
  });
});

test('reliable: required makes it so for whoever knows it, and our INVITEs require it', async ({ lab }) => {
  const tandem = await lab.serve(
    async (call) => {
      await call.ringing();
      await call.ended;
    },
    { reliable: 'required' },
  );
  const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
  alice.invite('1000', { headers: [supported] });
  expect((await alice.receives(180)).header('require')).toBe('100rel');
  bob.invite('1000');
  expect((await bob.receives(180)).header('require')).toBe('');
  carol.onCall = { answerAfterMs: 0 };
  const call = await lab.run(tandem.invite(carol.uri));
  expect((await carol.receives('INVITE')).header('require')).toBe('100rel');
  await lab.run(call.close());
  await alice.hangup();
  await bob.hangup();
});

/** What makes a provisional response of a phone reliable. */
const reliably = (rseq: number) => ({ headers: [required, ['RSeq', String(rseq)] as const] });

describe('a callee', () => {
  test('that rings reliably with SDP is heard, and its answer needs none', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const bob = lab.phone('bob');
    const call = await lab.run(tandem.newDialog(bob.uri, { earlyMedia: true }));
    const invited = call.invite();
    await bob.rings();
    bob.progress(183, { ...reliably(41), sdp: (own) => own });
    expect(await lab.run(invited)).toBe('early');
    expect((await bob.receives('PRACK')).header('rack')).toBe('41 1 INVITE');
    const answered = bob.answer({ sdp: null });
    await lab.run(call.waitAnswer());
    await call.ack();
    await answered;
    await bob.say('goodbye.wav');
    expect(call.media.audio?.remote?.port).toBe(bob.call?.media.port);
    await lab.run(call.close());
  });

  test('that was left to make the offer makes it in its answer, and ACK answers', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const bob = lab.phone('bob', { codecs: ['PCMA', 'telephone-event'] });
    bob.onCall = { answerAfterMs: 1_000 };
    const call = await lab.run(tandem.invite(bob.uri, { lateOffer: true }));
    expect(hasSdp(await bob.receives('INVITE'))).toBe(false);
    expect(hasSdp(await bob.receives('ACK'))).toBe(true);
    expect(call.media.audio?.codec.name).toBe('PCMA');
    const echo = call.echo();
    await bob.say('goodbye.wav');
    await bob.hears('goodbye.wav');
    await lab.run(call.close());
    await echo;
  });

  test('that was left to make the offer may make it while it rings, and PRACK answers', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const bob = lab.phone('bob');
    const call = await lab.run(tandem.newDialog(bob.uri, { lateOffer: true, earlyMedia: true }));
    const invited = call.invite();
    await bob.rings();
    bob.progress(183, { sdp: (own) => own });
    await lab.advance(100);
    expect(call.media.audio).toBeUndefined();
    bob.progress(183, { ...reliably(1), sdp: (own) => own });
    expect(await lab.run(invited)).toBe('early');
    expect(hasSdp(await bob.receives('PRACK'))).toBe(true);
    const answered = bob.answer({ sdp: null });
    await lab.run(call.waitAnswer());
    await call.ack();
    await answered;
    expect(hasSdp(await bob.receives('ACK'))).toBe(false);
    await lab.run(call.close());
  });

  test('whose offer is of no use is acknowledged and hung up, or cancelled while it rings', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const bob = lab.phone('bob', { codecs: ['G729'] });
    bob.onCall = { answerAfterMs: 0 };
    const refused = tandem.invite(bob.uri, { lateOffer: true });
    await expect(lab.run(refused)).rejects.toMatchObject({ code: 'ERR_SDP', status: 488 });
    await bob.receives('ACK');
    await bob.receives('BYE');
    bob.onCall = {};
    const cancelled = lab.run(tandem.invite(bob.uri, { lateOffer: true }));
    await bob.rings();
    bob.progress(183, { ...reliably(1), sdp: (own) => own });
    await expect(cancelled).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    await bob.receives('CANCEL');
    await bob.receives('PRACK');
  });

  test('of several that ring reliably is heard where it answers, whoever rang last', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const proxy = lab.phone('proxy');
    proxy.onCall = { ring: false };
    const invited = tandem.invite(proxy.uri);
    const invite = await proxy.rings();
    ringAs(proxy, invite, 183, 'one', sdpAt(4_000));
    ringAs(proxy, invite, 183, 'two', sdpAt(5_000));
    await lab.advance(100);
    expect(proxy.received.filter(({ method }) => method === 'PRACK').map(({ toTag }) => toTag)).toContain('two');
    ringAs(proxy, invite, 200, 'one', '');
    const call = await lab.run(invited);
    expect(call.media.audio?.remote?.port).toBe(4_000);
    await lab.run(call.close());
  });
});

describe('early media of the callee', () => {
  const through = async (lab: Lab, bob: Phone): Promise<void> => {
    await lab.serve(async (call, tandem) => {
      const agent = await call.invite(bob.uri);
      await using bridge = await tandem.bridge(call, agent);
      await bridge.ended;
    });
  };

  test('is passed to a caller that made no offer, by ours in a reliable 183', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { early: true, answerAfterMs: 5_000 };
    await through(lab, bob);
    alice.invite('1000', { sdp: null, headers: [supported] });
    expect(hasSdp(await alice.receives(183))).toBe(true);
    await bob.say('goodbye.wav');
    await alice.hears('goodbye.wav');
    await alice.isUp();
    await alice.hangup();
    await bob.ends();
  });

  test('does not answer a caller that made no offer and cannot be told', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { early: true, answerAfterMs: 5_000 };
    await through(lab, bob);
    alice.invite('1000', { sdp: null });
    await lab.advance(4_000);
    expect(alice.call?.state).toBe('calling');
    await alice.isUp();
    expect(lab.clock.now()).toBeGreaterThan(5_000);
    await alice.hangup();
    await bob.ends();
  });
});

/** A response by hand, as one of several forks gives it; a provisional one is reliable. */
function ringAs(proxy: Phone, invite: SipText, status: number, tag: string, body: string): void {
  const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${invite.header(name)}`);
  const text = [
    `SIP/2.0 ${status} Whatever`,
    ...copied,
    `To: ${invite.header('to')};tag=${tag}`,
    `Contact: <${proxy.uri}>`,
    ...(status < 200 ? ['Require: 100rel', 'RSeq: 1'] : []),
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
    '',
    body,
  ];
  proxy.send(text.join('\r\n'), { transport: 'udp', address: '10.0.0.1', port: 5060 });
}
