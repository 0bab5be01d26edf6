/**
 * Calls whose audio, digits and numbers only prove something on real sockets and in media threads: everything here
 * runs with media inline, in one thread and in two.
 */
import { describe, expect, it } from 'vitest';
import type { LegStats } from '../../media/index.ts';
import type { EndCause } from '../../src/session/errors.ts';
import { type AnswerPlan, first, RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem, type TestTandem } from '../helpers/tandem.ts';

const noWait = { interDigitTimeout: 200, timeout: 200 };

const tone = (byte: number, frames: number): Uint8Array => new Uint8Array(160 * frames).fill(byte);

/** Every call goes to `callee`. */
async function b2bua(callee: RawPhone, plan?: AnswerPlan): Promise<TestTandem> {
  if (plan) callee.plan = plan;
  const server = await openTandem(async (call) => {
    const agent = await call.invite(`sip:agent@127.0.0.1:${callee.sipPort}`);
    await using bridge = await server.tandem.bridge(call, agent);
    await bridge.ended;
  });
  return server;
}

/** Frames that differ from each other in every byte. */
const words = (seed: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, frame) =>
    Uint8Array.from({ length: 160 }, (_, i) => (seed + frame * 7 + i * 13) & 0xff),
  );

async function heardExactly(phone: RawPhone, expected: readonly Uint8Array[]): Promise<void> {
  const heard = await phone.hears(expected.length, phone.codec.payloadType);
  expect(Buffer.concat(heard.slice(0, expected.length).map((p) => p.payload))).toEqual(Buffer.concat(expected));
  const [one] = heard;
  for (const [i, packet] of heard.entries()) {
    expect(packet.sequence).toBe(((one?.sequence ?? 0) + i) & 0xffff);
    expect(packet.timestamp).toBe(((one?.timestamp ?? 0) + i * 160) >>> 0);
  }
}

describe('an incoming call', () => {
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

describe('an outgoing call', () => {
  it('carries what is played, and is hung up by BYE', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    const call = await server.tandem.invite(`sip:bob@127.0.0.1:${phone.sipPort}`);
    expect(call.state).toBe('confirmed');
    await phone.nextRequest('ACK');
    await call.playback().play(tone(0x21, 5), '');
    expect((await phone.hears(5, 0)).every(({ payload }) => payload.every((byte) => byte === 0x21))).toBe(true);
    await call.close();
    expect(phone.received.at(-1)?.method).toBe('BYE');
    expect(await call.ended).toMatchObject({ by: 'local' });
    await expectIdle(server.tandem);
  });

  it('returns at early media, then waits for the answer and is ACKed by hand', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    phone.plan = { provisional: [{ status: '183 Session Progress', sdp: true }], ringMs: 150, final: '200 OK' };
    await using call = await server.tandem.newDialog(`sip:a@127.0.0.1:${phone.sipPort}`);
    expect(await call.invite({ earlyMedia: true })).toBe('early');
    expect(call.state).toBe('early');
    await call.playback().play(tone(0x44, 3), '');
    await phone.hears(3, 0);
    await call.waitAnswer();
    expect(call.state).toBe('answered');
    await call.ack();
    expect(call.state).toBe('confirmed');
    await phone.nextRequest('ACK');
  });
});

describe('a bridged call', () => {
  it("passes audio both ways byte for byte, digits too, and ends both at the caller's BYE", async () => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    await using server = await b2bua(callee);
    expect((await caller.call(server.port)).status).toBe(200);
    await callee.nextRequest('ACK');
    const [out, back] = [words(1, 25), words(101, 25)];
    await Promise.all([caller.speak(out), callee.speak(back)]);
    await heardExactly(callee, out);
    await heardExactly(caller, back);

    await caller.press('5');
    const events = await callee.hears(8, 101);
    expect(events.map(({ payload }) => payload[0])).toEqual(Array(8).fill(5));
    expect(new Set(events.map(({ timestamp }) => timestamp)).size).toBe(1);

    await caller.bye();
    await callee.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('maps the payload types of the legs', async () => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    caller.codec = { payloadType: 97, name: 'L16' };
    callee.codec = { payloadType: 97, name: 'L16' };
    await using server = await b2bua(callee, { final: '200 OK', sdp: (phone) => phone.sdp().replaceAll('101', '110') });
    expect((await caller.call(server.port)).status).toBe(200);
    await caller.press('9');
    const events = await callee.hears(8, 110);
    expect(events[0]?.payload[0]).toBe(9);
    await caller.bye();
  });

  it('passes ringing, then early media, then the answer', async () => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    await using server = await b2bua(callee, {
      provisional: [{ status: '180 Ringing' }, { status: '183 Session Progress', sdp: true }],
      ringMs: 600,
      final: '200 OK',
    });
    caller.invite(server.port);
    await caller.nextResponse(180);
    const early = await caller.nextResponse(183);
    expect(early.body).toContain('m=audio');
    const announcement = words(33, 10);
    await callee.speak(announcement);
    await heardExactly(caller, announcement);
    expect((await caller.final()).status).toBe(200);
    const more = words(77, 10);
    await callee.speak(more);
    const heard = await caller.hears(20, 0);
    expect(Buffer.concat(heard.slice(10).map((p) => p.payload))).toEqual(Buffer.concat(more));
    expect(new Set(heard.map(({ ssrc }) => ssrc)).size).toBe(1);
    await caller.bye();
  });

  it("bridges an invited partner before its ACK, in the first leg's codec", async () => {
    await using server = await openTandem();
    using one = await RawPhone.open();
    using two = await RawPhone.open();
    one.codec = { payloadType: 8, name: 'PCMA' };
    two.codec = { payloadType: 8, name: 'PCMA' };
    await using a = await server.tandem.invite(`sip:a@127.0.0.1:${one.sipPort}`);
    await using bridge = server.tandem.bridge();
    bridge.add(a);
    await using b = await server.tandem.inviteBridge(`sip:b@127.0.0.1:${two.sipPort}`, bridge);
    expect(two.received[0]?.body).toMatch(/RTP\/AVP 8 101/);
    expect(b.data).toBe(a.data);
    const out = words(5, 5);
    await one.speak(out);
    await heardExactly(two, out);
  });

  it('re-offers the other leg when one changes its codec, and refuses when it cannot follow', async () => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    await using server = await b2bua(callee);
    await caller.call(server.port);
    await callee.nextRequest('ACK');

    caller.request('INVITE', { body: caller.sdp({ payloadType: 8, name: 'PCMA' }) });
    const offered = await callee.next((m) => m.method === 'INVITE' && first(m, 'to').includes('tag='));
    expect(offered.body).toMatch(/RTP\/AVP 8 /);
    callee.respond(offered, '488 Not Acceptable Here');
    expect((await caller.final()).status).toBe(488);
    const still = words(3, 5);
    await caller.speak(still);
    await heardExactly(callee, still);

    caller.request('INVITE', { body: caller.sdp({ payloadType: 8, name: 'PCMA' }) });
    const again = await callee.next((m) => m.method === 'INVITE' && first(m, 'to').includes('tag=') && m !== offered);
    callee.respond(again, '200 OK', { sdp: callee.sdp({ payloadType: 8, name: 'PCMA' }) });
    expect((await caller.final()).status).toBe(200);
    await caller.bye();
    await callee.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('loses nothing on 100 bridges while one observer listener is slow and another throws', async () => {
    await using server = await openTandem(
      async (call) => {
        const agent = await call.invite(`sip:agent@127.0.0.1:${call.toUser}`);
        await using bridge = await server.tandem.bridge(call, agent);
        await bridge.ended;
      },
      {},
      600,
    );
    const { observer } = server.tandem;
    for (const name of ['call:created', 'call:answered', 'call:confirmed', 'media:started', 'call:ended'] as const) {
      observer.on(name, () => new Promise((resolve) => setTimeout(resolve, 100)));
      observer.on(name, () => {
        throw new Error('listener');
      });
    }
    const bridged = async (n: number): Promise<void> => {
      using caller = await RawPhone.open();
      using callee = await RawPhone.open();
      expect((await caller.call(server.port, { user: String(callee.sipPort) })).status).toBe(200);
      await callee.nextRequest('ACK');
      const [out, back] = [words(n, 10), words(n + 100, 10)];
      await Promise.all([caller.speak(out), callee.speak(back)]);
      await heardExactly(callee, out);
      await heardExactly(caller, back);
      await caller.bye();
      await callee.nextRequest('BYE');
    };
    await Promise.all(Array.from({ length: 100 }, (_, n) => bridged(n)));
    await expectIdle(server.tandem);
  });
});

describe('500 calls', () => {
  it('leave nothing behind, whenever they are given up', async () => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    await using far = await openTandem(async (call) => {
      await call.progressMedia();
      await call.answer();
      await call.echo();
    });
    await using server = await openTandem();
    const uri = `sip:b@127.0.0.1:${far.port}`;
    let answered = 0;
    const callAndGiveUp = async (afterResponses: number): Promise<void> => {
      const abort = new AbortController();
      let left = afterResponses;
      const onResponse = (): void => void (left-- === 0 && abort.abort());
      const invited = server.tandem.invite(uri, { signal: abort.signal, onResponse });
      if (afterResponses === 4) queueMicrotask(() => abort.abort());
      const call = await invited.catch(() => undefined);
      if (call) answered++;
      await call?.close();
    };
    const lanes = Array.from({ length: 50 }, async (_, lane) => {
      for (let count = 0; count < 10; count++) await callAndGiveUp((lane + count) % 5);
    });
    await Promise.all(lanes);
    await expectIdle(server.tandem);
    await expectIdle(far.tandem);
    expect((await server.tandem.check()).sip.counters.internalErrors).toBe(0);
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
    // Given up at 183, at 200, never, never, and before anything was sent.
    expect(answered).toBe(200);
  });
});
