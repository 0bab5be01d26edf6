import { describe, expect, it } from 'vitest';
import type { LegStats } from '../../media/index.ts';
import type { EndCause } from '../../src/session/errors.ts';
import { first, RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem } from '../helpers/tandem.ts';

const noWait = { interDigitTimeout: 200, timeout: 200 };

describe('an incoming call', () => {
  it('rings, is answered with SDP, and is hung up when the handler returns', async () => {
    const { promise: done, resolve } = Promise.withResolvers<EndCause>();
    await using server = await openTandem(async (call) => {
      void call.ended.then(resolve);
      await call.ringing();
      await call.answer();
      expect(call.state).toBe('confirmed');
      expect([call.fromUser, call.toUser, call.transport]).toEqual(['raw', '1000', 'udp']);
    });
    using phone = await RawPhone.open();
    const answer = await phone.call(server.port);
    expect(answer.status).toBe(200);
    expect(first(answer, 'content-type')).toBe('application/sdp');
    expect(answer.body).toMatch(/m=audio \d+ RTP\/AVP 0 101\r\n/);
    expect(phone.received.map((m) => m.status)).toContain(180);
    await phone.nextRequest('BYE');
    expect(await done).toMatchObject({ by: 'local' });
    await expectIdle(server.tandem);
  });

  it('gets 480 when the handler returns without an answer', async () => {
    await using server = await openTandem(() => {});
    using phone = await RawPhone.open();
    expect((await phone.call(server.port)).status).toBe(480);
    await expectIdle(server.tandem);
  });

  it('gets 500 with a Reason when the handler throws, and the next call is served', async () => {
    let calls = 0;
    await using server = await openTandem(async (call) => {
      if (++calls === 1) throw new Error('boom');
      await call.answer();
    });
    using phone = await RawPhone.open();
    const refused = await phone.call(server.port);
    expect(refused.status).toBe(500);
    expect(first(refused, 'reason')).toContain('boom');
    using second = await RawPhone.open();
    expect((await second.call(server.port)).status).toBe(200);
    await second.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('gets the status of a thrown error that has one', async () => {
    await using server = await openTandem(() => {
      throw Object.assign(new Error('not now'), { status: 603 });
    });
    using phone = await RawPhone.open();
    expect((await phone.call(server.port)).status).toBe(603);
  });

  it('gets BYE when the handler throws after the answer', async () => {
    await using server = await openTandem(async (call) => {
      await call.answer();
      throw new Error('later');
    });
    using phone = await RawPhone.open();
    expect((await phone.call(server.port)).status).toBe(200);
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('is rejected and redirected by choice', async () => {
    await using server = await openTandem((call) =>
      call.toUser === 'busy' ? call.reject(486) : call.redirect('sip:other@127.0.0.1:5070'),
    );
    using phone = await RawPhone.open();
    expect((await phone.call(server.port, { user: 'busy' })).status).toBe(486);
    using other = await RawPhone.open();
    const moved = await other.call(server.port, { user: 'moved' });
    expect([moved.status, first(moved, 'contact')]).toEqual([302, '<sip:other@127.0.0.1:5070>']);
  });

  it('ends with 487 when it is cancelled while it rings, and the handler is told', async () => {
    const { promise: cause, resolve } = Promise.withResolvers<EndCause>();
    await using server = await openTandem(async (call) => {
      await call.ringing();
      resolve(await call.ended);
      await expect(call.answer()).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    });
    using phone = await RawPhone.open();
    phone.invite(server.port);
    await phone.nextResponse(180);
    phone.cancel();
    expect((await phone.final()).status).toBe(487);
    expect(await cause).toMatchObject({ by: 'remote', method: 'CANCEL' });
    await expectIdle(server.tandem);
  });

  it('is answered when it offers late, with our offer and its answer in the ACK', async () => {
    const { promise: codec, resolve } = Promise.withResolvers<string | undefined>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      resolve(call.media.audio?.codec.name);
    });
    using phone = await RawPhone.open();
    phone.invite(server.port, { sdp: null });
    const answer = await phone.nextResponse(200);
    expect(answer.body).toMatch(/^m=audio \d+ RTP\/AVP /m);
    phone.ackWith(answer, phone.sdp({ payloadType: 8, name: 'PCMA' }));
    expect(await codec).toBe('PCMA');
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('gets 488 when no codec is common', async () => {
    await using server = await openTandem((call) => call.answer());
    using phone = await RawPhone.open();
    const refused = await phone.call(server.port, { sdp: phone.sdp({ payloadType: 18, name: 'G729' }) });
    expect(refused.status).toBe(488);
    await expectIdle(server.tandem);
  });

  it('hears early media, then the same session is answered', async () => {
    await using server = await openTandem(async (call) => {
      await call.progressMedia();
      await call.playback().play(new Uint8Array(160 * 5).fill(0x55), '');
      await call.answer();
    });
    using phone = await RawPhone.open();
    phone.invite(server.port);
    const early = await phone.nextResponse(183);
    expect(early.body).toContain('m=audio');
    await phone.hears(5, 0);
    const answer = await phone.final();
    expect([answer.status, answer.body]).toEqual([200, early.body]);
    await phone.nextRequest('BYE');
  });

  it('ends play at once when the caller hangs up, with the cause', async () => {
    const { promise: result, resolve } = Promise.withResolvers<unknown>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      const { end } = await call.playback().play(new Uint8Array(160 * 3000).fill(0x55), '');
      resolve({ end, reason: (call.signal.reason as { endCause: EndCause }).endCause });
    });
    const { promise: stats, resolve: report } = Promise.withResolvers<LegStats>();
    server.tandem.observer.on('media:stats', (event) => report(event.stats));
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await phone.hears(3, 0);
    expect((await phone.bye()).status).toBe(200);
    expect(await result).toMatchObject({ end: 'ended', reason: { by: 'remote', method: 'BYE' } });
    expect((await stats).sent.packets).toBeGreaterThanOrEqual(3);
    await expectIdle(server.tandem);
  });

  it('gathers digits, with those pressed too early, until a terminator', async () => {
    const { promise: result, resolve } = Promise.withResolvers<unknown>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      await call.playback().play(new Uint8Array(160 * 20).fill(0x55), '');
      resolve([await call.gather({ digits: 2, ...noWait }), await call.gather({ timeout: 5000 })]);
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    for (const digit of '12') await phone.press(digit);
    for (const digit of '34#') await phone.press(digit);
    expect(await result).toEqual([
      { digits: '12', end: 'digits' },
      { digits: '34', end: 'terminator' },
    ]);
  });

  it('lets gather end with the call', async () => {
    const { promise: error, resolve } = Promise.withResolvers<unknown>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      await call.gather({ timeout: 60_000 }).catch(resolve);
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await phone.bye();
    expect(await error).toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    await expectIdle(server.tandem);
  });

  it('is put on hold by a re-INVITE and taken back', async () => {
    const directions: (string | undefined)[] = [];
    await using server = await openTandem(async (call) => {
      await call.answer();
      for await (const _ of call.dtmf()) directions.push(call.media.audio?.direction);
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    for (const direction of ['sendonly', 'sendrecv'] as const) {
      phone.request('INVITE', { body: phone.sdp(undefined, direction) });
      const answer = await phone.final();
      expect(answer.status).toBe(200);
      expect(answer.body).toContain(direction === 'sendonly' ? 'a=recvonly' : 'a=sendrecv');
      await phone.press('1');
    }
    await phone.bye();
    expect(directions).toEqual(['recvonly', 'sendrecv']);
  });

  it('keeps its session when a re-INVITE has no usable codec', async () => {
    await using server = await openTandem(async (call) => {
      await call.answer();
      await call.echo();
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    phone.request('INVITE', { body: phone.sdp({ payloadType: 18, name: 'G729' }) });
    expect((await phone.final()).status).toBe(488);
    await phone.speak(Array.from({ length: 5 }, () => new Uint8Array(160).fill(0x33)));
    const heard = await phone.hears(5, 0);
    expect(heard.at(-1)?.payload.every((byte) => byte === 0x33)).toBe(true);
    await phone.bye();
  });

  it('survives 100 calls with a slow and a throwing observer listener', async () => {
    await using server = await openTandem((call) => call.answer());
    const ended: string[] = [];
    server.tandem.observer.on('call:answered', () => {
      throw new Error('listener');
    });
    server.tandem.observer.on('call:confirmed', () => new Promise((resolve) => setTimeout(resolve, 50)));
    server.tandem.observer.on('call:ended', ({ callId }) => void ended.push(callId));
    const calls = Array.from({ length: 100 }, async () => {
      using phone = await RawPhone.open();
      expect((await phone.call(server.port)).status).toBe(200);
      await phone.nextRequest('BYE');
    });
    await Promise.all(calls);
    await expectIdle(server.tandem);
    expect(new Set(ended).size).toBe(100);
  });
});
