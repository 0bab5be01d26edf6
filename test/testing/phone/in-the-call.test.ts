import { describe } from 'vitest';
import { Lab, type Phone, type PhoneCall, sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { complaint, expectNoTimers, failure, ladder, pause, times } from './ladder.ts';

/** Two phones in a call, each with a tone of its own. */
async function talking(lab: Lab, alice = lab.phone('alice'), bob = lab.phone('bob')): Promise<[Phone, Phone]> {
  bob.onCall = { answerAfterMs: 0 };
  await alice.dial(bob.uri);
  await bob.isUp();
  await Promise.all([alice.speak(sine(440)), bob.speak(sine(660))]);
  await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
  return [alice, bob];
}

describe('hold', () => {
  test.for(['caller', 'callee'] as const)('by the %s is silence for it and no more, until it resumes', async (role, {
    lab,
  }) => {
    const [alice, bob] = await talking(lab);
    const [holder, held] = role === 'caller' ? [alice, bob] : [bob, alice];
    const [ours, theirs] = role === 'caller' ? [440, 660] : [660, 440];
    await holder.hold();
    expect([holder.call?.media.direction, held.call?.media.direction]).toEqual(['sendonly', 'recvonly']);
    await Promise.all([holder.hearsSilence(3000), held.hearsTone(ours, { ms: 3000 })]);
    expect(await complaint(held, () => held.say(new Int16Array(800)))).toBe(
      `${held.name} cannot say 100 ms of audio: it is on hold`,
    );
    await holder.resume();
    await held.speak(sine(theirs));
    await Promise.all([holder.hearsTone(theirs), held.hearsTone(ours)]);
    expect(held.call?.media.direction).toBe('sendrecv');
    await holder.hangup();
    await expectNoTimers(lab);
  });

  test('by both is silence for both', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    await alice.hold();
    await bob.hold();
    expect([alice.call?.media.direction, bob.call?.media.direction]).toEqual(['inactive', 'inactive']);
    await Promise.all([alice.hearsSilence(1000), bob.hearsSilence(1000)]);
    await alice.resume();
    // Bob still holds.
    expect([alice.call?.media.direction, bob.call?.media.direction]).toEqual(['recvonly', 'sendonly']);
    await bob.speak(sine(660));
    await Promise.all([alice.hearsTone(660), bob.hearsSilence(1000)]);
    await bob.resume();
    await alice.speak(sine(440));
    await bob.hearsTone(440);
  });

  test('the old way, by the address 0.0.0.0, is silence for who asks', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    const nowhere = (sdp: string): string => sdp.replace(/^c=IN IP4 .*$/m, 'c=IN IP4 0.0.0.0');
    expect((await alice.reInvite({ sdp: nowhere })).status).toBe(200);
    await alice.hearsSilence(1000);
    expect(await complaint(bob, () => bob.say('beep.wav'))).toBe('bob cannot say beep.wav: it is on hold');
    await alice.reInvite();
    await bob.speak(sine(660));
    await alice.hearsTone(660);
  });

  test('of a phone by a server is silence for the server', async ({ lab }) => {
    const steps: string[] = [];
    await lab.serve(async (call) => {
      await call.answer();
      await call.hold();
      steps.push(call.media.audio?.direction ?? '');
      await pause(lab, 2000);
      await call.unhold();
      steps.push(call.media.audio?.direction ?? '');
      await call.echo();
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect((await alice.receives('INVITE')).body).toContain('a=sendonly');
    expect(alice.call?.media.direction).toBe('recvonly');
    expect((await alice.receives('INVITE')).body).toContain('a=sendrecv');
    await alice.speak(sine(500));
    await alice.hearsTone(500);
    expect(steps).toEqual(['sendonly', 'sendrecv']);
  });

  test('of a server by a phone is silence for the phone', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await call.ringtone(sine(440)).play({ signal: call.signal });
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hearsTone(440);
    await alice.hold();
    await alice.hearsSilence(2000);
    await alice.resume();
    await alice.hearsTone(440);
  });

  test('that is refused changes nothing', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    bob.misbehave({ refuses: { INVITE: 488 } });
    expect(await complaint(alice, () => alice.hold())).toBe('alice could not hold: SIP/2.0 488 Not Acceptable Here');
    expect(alice.call?.media.direction).toBe('sendrecv');
    await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
    bob.behave();
    // Nor is it remembered: this is no answer of one who holds.
    expect((await bob.reInvite()).body).toContain('a=sendrecv');
  });
});

describe('a re-INVITE', () => {
  test('changes the codec', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    expect(alice.call?.media.remote?.payloads[0]?.name).toBe('PCMU');
    await bob.reInvite({ codecs: ['PCMA', 'telephone-event'] });
    expect(alice.call?.media.remote?.payloads[0]?.name).toBe('PCMA');
    await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
    expect([alice.call?.media.ear.strange, bob.call?.media.ear.strange]).toEqual([0, 0]);
  });

  test('without an offer lets the peer make one', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    await bob.hold();
    const response = await alice.reInvite({ sdp: null });
    // Bob still wants what he wanted.
    expect(response.body).toContain('a=sendonly');
    expect((await bob.receives((message) => message.method === 'ACK' && message.body !== '')).body).toContain(
      'a=recvonly',
    );
    await alice.hearsTone(660);
  });

  test('keeps the version of its SDP when nothing has changed', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    const origin = (sdp: string | undefined): string | undefined => /^o=.*$/m.exec(sdp ?? '')?.[0];
    await alice.reInvite();
    const same = await bob.receives((message) => message.method === 'INVITE' && message.toTag !== '');
    expect(origin(same.body)).toBe(origin(alice.call?.invite.body));
    await alice.hold();
    const other = await bob.receives('INVITE');
    expect(origin(other.body)).not.toBe(origin(same.body));
  });

  test.for(
    Array.from({ length: 20 }, (_, seed) => seed),
  )('that meets another is tried again, seed %i', async (seed) => {
    await using lab = new Lab({ seed });
    const [alice, bob] = await talking(lab);
    const from = lab.clock.now();
    await Promise.all([alice.hold(), bob.reInvite({ codecs: ['PCMA'] })]);
    expect(alice.received.filter(({ what }) => what === '491')).toHaveLength(1);
    expect(bob.received.filter(({ what }) => what === '491')).toHaveLength(1);
    // Who made the call waits 2.1–4 s, the other 0–2 s (RFC 3261 §14.1). Each once: the windows do not overlap.
    const [, , aliceAgain = 0] = times(lab, 'alice', 'INVITE');
    const [, bobAgain = 0] = times(lab, 'bob', 'INVITE');
    expect(aliceAgain - from - 2).toBeGreaterThanOrEqual(2100);
    expect(aliceAgain - from - 2).toBeLessThanOrEqual(4000);
    expect((aliceAgain - from - 2) % 10).toBe(0);
    expect(bobAgain - from - 2).toBeLessThanOrEqual(2000);
    expect([alice.call?.media.direction, bob.call?.media.direction]).toEqual(['sendonly', 'recvonly']);
    expect(bob.call?.media.remote?.payloads[0]?.name).toBe('PCMA');
    await bob.hearsTone(440);
    await alice.hangup();
  });

  test('that meets one of a server is tried again by both', async ({ lab }) => {
    let go: () => void = () => {};
    const going = new Promise<void>((resolve) => {
      go = resolve;
    });
    let done = false;
    await lab.serve(async (call) => {
      await call.answer();
      await going;
      await call.hold();
      done = true;
      await call.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(1000);
    go();
    expect((await alice.reInvite()).status).toBe(200);
    await lab.until(() => done);
    expect(times(lab, 'alice', '491 INVITE')).toHaveLength(1);
    expect(times(lab, 'tandem', '491 INVITE')).toHaveLength(1);
    expect(alice.call?.media.direction).toBe('recvonly');
  });

  test('says so when it is refused again and again, or nobody answers', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    bob.misbehave({ refuses: { INVITE: 491 } });
    expect((await alice.reInvite()).status).toBe(491);
    expect(times(lab, 'alice', 'INVITE')).toHaveLength(1 + 5);
    bob.vanish();
    expect(await complaint(alice, () => alice.reInvite())).toBe('nobody answered the INVITE of alice');
    expect(alice.call?.state).toBe('over');
    expect(await complaint(alice, () => alice.reInvite())).toBe('alice cannot send INVITE: its call is over');
  });

  test('that has no codec in common is refused, and the call goes on', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    expect((await alice.reInvite({ codecs: ['L16/16000'] })).status).toBe(488);
    await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
  });

  test('that is refused leaves nothing of what it offered', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    bob.misbehave({ refuses: { INVITE: 488 } });
    await alice.reInvite({ codecs: ['PCMA'] });
    const { port, ear } = (alice.call as PhoneCall).media;
    const packet = Uint8Array.from({ length: 172 }, (_, i) => [0x80, 8][i] ?? 0);
    const socket = bob.host.openUdp('rtp', 0, () => {});
    socket.send(packet, { address: alice.address, port });
    socket.close();
    const before = ear.strange;
    await lab.advance(10);
    expect(ear.strange).toBe(before + 1);
  });

  test('gives no payload type a new meaning', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    await alice.reInvite({ codecs: ['L16', 'telephone-event'] });
    expect((await bob.receives(({ body }) => body.includes('L16'))).body).toContain(
      'RTP/AVP 102 101\r\na=rtpmap:102 L16/8000\r\na=rtpmap:101 telephone-event/8000\r\n',
    );
    await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
    await alice.press('1');
    await bob.hearsDigits('1');
  });

  test('whose 2xx waits for its ACK is not satisfied by another', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    const first = bob.received.find(({ what }) => what === 'ACK')?.text ?? '';
    alice.misbehave({ ack: { afterMs: 300 } });
    await alice.reInvite();
    alice.send(first);
    await lab.advance(200);
    expect(bob.call?.isNegotiating).toBe(true);
    await lab.advance(200);
    expect(bob.call?.isNegotiating).toBe(false);
  });

  test('moves the call to where its Contact says', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    const carol = lab.phone('carol');
    await alice.reInvite({ headers: [['Contact', `<${carol.uri}>`]] });
    expect((await bob.request('INFO')).status).toBe(481);
    expect((await carol.receives('INFO')).uri).toBe(carol.uri);
  });

  test('waits for the end of the one before it', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    const responses = await Promise.all([alice.hold(), alice.reInvite({ codecs: ['PCMA'] }), alice.resume()]);
    expect(responses[1].status).toBe(200);
    expect(alice.received.filter(({ status }) => status >= 400)).toEqual([]);
    expect(bob.call?.media.direction).toBe('sendrecv');
  });

  test('ends the call when its 2xx is never acknowledged', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    alice.misbehave({ ack: 'never' });
    await alice.reInvite();
    expect((await alice.ends())?.what).toBe('BYE');
    expect(times(lab, 'bob', '200 INVITE')).toHaveLength(1 + 11);
    expect(bob.call?.endedBy).toBe('local');
    await expectNoTimers(lab);
  });
});

describe('UPDATE', () => {
  test('holds and resumes as a re-INVITE does, without an ACK', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    expect((await bob.update({ direction: 'sendonly' })).body).toContain('a=recvonly');
    await Promise.all([bob.hearsSilence(1000), alice.hearsTone(660)]);
    await bob.update({ direction: 'sendrecv' });
    await alice.speak(sine(440));
    await bob.hearsTone(440);
    expect(times(lab, 'bob', 'ACK')).toEqual([]);
    expect((await alice.request('UPDATE')).status).toBe(200);
    await alice.hangup();
    await expectNoTimers(lab);
  });
});

describe('other requests', () => {
  test('OPTIONS are answered by phones and servers, in a call and outside of one', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await call.ended;
    });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    for (const target of [bob.uri, 'sip:10.0.0.1']) {
      const options = await alice.ask('OPTIONS', target);
      expect(options.status).toBe(200);
      expect(options.header('allow')).toContain('INVITE');
      expect(options.toTag).not.toBe('');
    }
    expect((await alice.ask('OPTIONS', '1000', { headers: [['Require', 'magic']] })).status).toBe(420);
    await alice.dial('1000');
    expect((await alice.request('OPTIONS')).status).toBe(200);
    expect(alice.call?.state).toBe('up');
  });

  test('INFO, NOTIFY and what nobody knows are answered', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    const info = await alice.request('INFO', { type: 'text/plain', body: 'hello', headers: [['Subject', 'x']] });
    expect(info.status).toBe(200);
    const request = await bob.receives('INFO');
    expect([request.body, request.header('content-type'), request.header('subject')]).toEqual([
      'hello',
      'text/plain',
      'x',
    ]);
    expect((await alice.request('NOTIFY')).status).toBe(200);
    const unknown = await alice.request('JUMP');
    expect(unknown.status).toBe(405);
    expect(unknown.header('allow')).toContain('REFER');
    expect((await alice.ask('MESSAGE', bob.uri)).status).toBe(405);
    expect((await alice.ask('BYE', bob.uri)).status).toBe(481);
    expect(bob.digits).toBe('');
  });

  test('of another dialog are none of this one', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    const bye = alice.call?.dialog.compose('BYE').text ?? '';
    alice.send(bye.replace(/(From: .*;tag=)\w+/, '$1stranger'));
    expect((await alice.receives(481)).cseq.method).toBe('BYE');
    alice.send(bye.replace(/(To: .*;tag=)\w+/, '$1stranger').replace('branch=', 'branch=z9hG4bK'));
    expect((await alice.receives(481)).cseq.method).toBe('BYE');
    expect(bob.call?.state).toBe('up');
  });

  test('that come out of order are refused', async ({ lab }) => {
    const [alice, bob] = await talking(lab);
    await alice.request('INFO');
    const late = alice.call?.dialog.compose('INFO', {}, 1).text ?? '';
    alice.send(late);
    expect((await alice.receives(500)).cseq).toEqual({ seq: 1, method: 'INFO' });
    expect(bob.call?.state).toBe('up');
  });

  test('are missed when nobody answers them', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.vanish();
    expect(await complaint(alice, () => alice.ask('OPTIONS', bob.uri))).toBe('nobody answered the OPTIONS of alice');
    expect(await complaint(alice, () => alice.ask('OPTIONS', 'sip:x@nowhere'))).toBe(
      'alice cannot reach sip:x@nowhere: the lab has no such host',
    );
    expect(await failure(alice, () => alice.request('INFO'))).toContain('alice has no call');
    await expectNoTimers(lab);
  });
});

test('the way that proxies recorded is the way that requests go', async ({ lab }) => {
  const [alice, bob, carol, dave] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol'), lab.phone('dave')];
  const recorded = `<sip:${carol.address};lr>, <sip:${dave.address};lr>`;
  bob.onCall = { answerAfterMs: 0, content: { headers: [['Record-Route', recorded]] } };
  await alice.dial(bob.uri);
  // From the caller's end the way begins with the last that recorded it (RFC 3261 §12.1.2).
  const ack = await dave.receives('ACK');
  expect(ack.all('route')).toEqual([`<sip:${dave.address};lr>`, `<sip:${carol.address};lr>`]);
  expect(ack.uri).toBe(bob.uri);
});

test('everything a phone sends in a dialog bears its tags, its number and its way', async ({ lab }) => {
  const [alice, bob] = await talking(lab);
  await alice.hold();
  await bob.request('INFO');
  await alice.hangup();
  const [invite, ...rest] = bob.received;
  const fromAlice = rest.filter(({ method }) => method !== '');
  expect(fromAlice.map(({ what, cseq }) => `${what} ${cseq.seq}`)).toEqual(['ACK 1', 'INVITE 2', 'ACK 2', 'BYE 3']);
  for (const request of fromAlice) {
    expect(request.fromTag).toBe(invite?.fromTag);
    expect(request.toTag).toBe(bob.call?.dialog.localTag);
    expect(request.uri).toBe(bob.uri);
    expect(request.header('max-forwards')).toBe('70');
  }
  const branches = bob.received.filter(({ method }) => method !== '').map(({ branch }) => branch);
  expect(new Set(branches).size).toBe(branches.length);
  expect(ladder(lab).at(-1)).toBe('bob 200 BYE');
});
