import { describe, expect, it } from 'vitest';
import type { BridgeEnd } from '../../src/session/bridge.ts';
import { type AnswerPlan, first, RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem, type TestTandem } from '../helpers/tandem.ts';

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

  it("offers the callee only the caller's codec", async () => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    caller.codec = { payloadType: 8, name: 'PCMA' };
    callee.codec = { payloadType: 8, name: 'PCMA' };
    await using server = await b2bua(callee);
    await caller.call(server.port);
    expect(callee.received[0]?.body).toMatch(/m=audio \d+ RTP\/AVP 8 101\r\n/);
    const out = words(9, 10);
    await caller.speak(out);
    await heardExactly(callee, out);
    await caller.bye();
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

  it('ends the caller when the callee hangs up', async () => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    await using server = await b2bua(callee);
    await caller.call(server.port);
    await callee.nextRequest('ACK');
    await callee.bye();
    await caller.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('cancels the callee when the caller gives up', async () => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    await using server = await b2bua(callee, { provisional: [{ status: '180 Ringing' }] });
    caller.invite(server.port);
    await caller.nextResponse(180);
    caller.cancel();
    expect((await caller.final()).status).toBe(487);
    await callee.nextRequest('CANCEL');
    await expectIdle(server.tandem);
  });

  it.each([486, 404, 603])("passes the callee's %i to the caller", async (status) => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    await using server = await b2bua(callee, { final: `${status} Because` });
    const refused = await caller.call(server.port);
    expect(refused.startLine).toBe(`SIP/2.0 ${status} Because`);
    await expectIdle(server.tandem);
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

  it('plays ringback by itself when asked to', async () => {
    using callee = await RawPhone.open();
    using caller = await RawPhone.open();
    callee.plan = { provisional: [{ status: '180 Ringing' }], ringMs: 300, final: '200 OK' };
    await using server = await openTandem(async (call) => {
      await call.invite(`sip:agent@127.0.0.1:${callee.sipPort}`, { early: 'ringback' });
    });
    caller.invite(server.port);
    await caller.nextResponse(183);
    await caller.hears(5, 0);
    expect((await caller.final()).status).toBe(480); // the handler returned without a bridge
    await callee.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('refuses legs of different codecs, naming both, and leaves them up', async () => {
    using pcma = await RawPhone.open();
    using caller = await RawPhone.open();
    pcma.codec = { payloadType: 8, name: 'PCMA' };
    const { promise: mismatch, resolve } = Promise.withResolvers<unknown>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      await using other = await server.tandem.invite(`sip:b@127.0.0.1:${pcma.sipPort}`);
      await server.tandem.bridge(call, other).catch(resolve);
      expect([call.state, other.state]).toEqual(['confirmed', 'confirmed']);
    });
    await caller.call(server.port);
    expect(await mismatch).toMatchObject({
      code: 'ERR_CODEC_MISMATCH',
      status: 488,
      facts: { first: 'PCMU/8000', second: 'PCMA/8000' },
    });
    await expectIdle(server.tandem);
  });

  it('refuses a third call and changes nothing', async () => {
    await using server = await openTandem();
    const phones = await Promise.all([RawPhone.open(), RawPhone.open(), RawPhone.open()]);
    const calls = await Promise.all(phones.map((phone) => server.tandem.invite(`sip:a@127.0.0.1:${phone.sipPort}`)));
    const bridge = server.tandem.bridge();
    const [a, b, c] = calls as [(typeof calls)[0], (typeof calls)[0], (typeof calls)[0]];
    bridge.add(a);
    bridge.add(b);
    expect(() => bridge.add(c)).toThrow(expect.objectContaining({ code: 'ERR_BRIDGE_FULL' }));
    expect(bridge.sessions).toEqual([a, b]);
    const end: Promise<BridgeEnd> = bridge.ended;
    bridge.remove(a);
    expect((await end).reason).toBe('removed');
    expect([a.state, b.state]).toEqual(['confirmed', 'confirmed']);
    for (const phone of phones) phone.close();
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
