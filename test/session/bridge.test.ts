import { describe } from 'vitest';
import type { BridgeEnd } from '../../src/session/bridge.ts';
import type { DialogClientSession } from '../../src/session/dialog-client-session.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type Phone, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** Every call goes to `callee`. */
function b2bua(lab: Lab, callee: Phone): Promise<Tandem> {
  return lab.serve(async (call, tandem) => {
    const agent = await call.invite(callee.uri);
    await using bridge = await tandem.bridge(call, agent);
    await bridge.ended;
  });
}

/** They hear each other. */
async function talk(a: Phone, b: Phone): Promise<void> {
  await a.say('goodbye.wav');
  await b.hears('goodbye.wav');
  await b.say('no-input.wav');
  await a.hears('no-input.wav');
}

describe('a bridged call', () => {
  test("passes audio both ways, digits too, and ends both at the caller's BYE", async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 2_000 };
    await b2bua(lab, bob);
    await alice.dial('1000');
    await talk(alice, bob);
    await alice.press('5');
    await bob.hearsDigits('5');
    await alice.hangup();
    expect((await bob.ends())?.what).toBe('BYE');
  });

  test("offers the callee only the caller's codec", async ({ lab }) => {
    const alice = lab.phone('alice', { codecs: ['PCMA', 'telephone-event'] });
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    await b2bua(lab, bob);
    await alice.dial('1000');
    expect((await bob.receives('INVITE')).body).toMatch(/m=audio \d+ RTP\/AVP 8 101\r\n/);
    await talk(alice, bob);
    await alice.hangup();
  });

  test('converts between codecs where it may, early media and a change in mid-call too', async ({ lab }) => {
    const alice = lab.phone('alice', { codecs: ['PCMA', 'telephone-event'] });
    const bob = lab.phone('bob', { codecs: ['PCMU', 'telephone-event'] });
    bob.onCall = { early: true, answerAfterMs: 4000 };
    await lab.serve(async (call, tandem) => {
      const agent = await call.invite(bob.uri, { transcode: true });
      await using bridge = await tandem.bridge(call, agent, { transcode: true });
      await bridge.ended;
    });
    const dialling = alice.invite('1000');
    expect((await bob.receives('INVITE')).body).toMatch(/m=audio \d+ RTP\/AVP 8 101 0/);
    await alice.receives(183);
    await bob.speak(sine(440));
    await alice.hearsTone(440);
    await bob.isUp();
    expect(dialling.state).toBe('up');
    await talk(alice, bob);
    await alice.press('5');
    await bob.hearsDigits('5');
    await alice.reInvite({ codecs: ['PCMU'] });
    await talk(alice, bob);
    await alice.hangup();
    await bob.ends();
  });

  test('ends the caller when the callee hangs up', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    await b2bua(lab, bob);
    await alice.dial('1000');
    await bob.isUp();
    await bob.hangup();
    expect((await alice.ends())?.what).toBe('BYE');
  });

  test('cancels the callee when the caller gives up', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await b2bua(lab, bob);
    const call = alice.invite('1000');
    await alice.receives(180);
    await alice.cancel();
    expect(call.status).toBe(487);
    await bob.receives('CANCEL');
  });

  test.for([486, 404, 603])("passes the callee's %i to the caller", async (status, { lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await b2bua(lab, bob);
    alice.invite('1000');
    await bob.rings();
    bob.reject(status, 'Because');
    expect((await alice.ends())?.startLine).toBe(`SIP/2.0 ${status} Because`);
  });

  test('plays ringback by itself when asked to', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 3_000 };
    await lab.serve(async (call) => {
      await call.invite(bob.uri, { early: 'ringback' });
    });
    const call = alice.invite('1000');
    await alice.receives(183);
    await alice.hearsTone(425, { ms: 900 });
    await alice.ends();
    expect(call.status).toBe(480); // the handler returned without a bridge
    await bob.receives('BYE');
  });

  test('refuses legs of different codecs, naming both, and leaves them up', async ({ lab }) => {
    const alice = lab.phone('alice');
    const bob = lab.phone('bob', { codecs: ['PCMA'] });
    bob.onCall = { answerAfterMs: 0 };
    const { promise: told, resolve } = Promise.withResolvers<unknown[]>();
    await lab.serve(async (call, tandem) => {
      await call.answer();
      await using other = await tandem.invite(bob.uri);
      const mismatch = await tandem.bridge(call, other).catch((error: unknown) => error);
      resolve([mismatch, call.state, other.state]);
    });
    await alice.dial('1000');
    expect(await lab.run(told)).toMatchObject([
      { code: 'ERR_CODEC_MISMATCH', status: 488, facts: { first: 'PCMU/8000', second: 'PCMA/8000' } },
      'confirmed',
      'confirmed',
    ]);
    await alice.ends();
  });

  test('refuses a third call and changes nothing', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const invite = async (name: string): Promise<DialogClientSession> => {
      const phone = lab.phone(name);
      phone.onCall = { answerAfterMs: 0 };
      return lab.run(tandem.invite(phone.uri));
    };
    const [a, b, c] = [await invite('a'), await invite('b'), await invite('c')];
    const bridge = tandem.bridge();
    bridge.add(a);
    bridge.add(b);
    expect(() => bridge.add(c)).toThrow(expect.objectContaining({ code: 'ERR_BRIDGE_FULL' }));
    expect(bridge.sessions).toEqual([a, b]);
    const end: Promise<BridgeEnd> = bridge.ended;
    bridge.remove(a);
    expect((await end).reason).toBe('removed');
    expect([a.state, b.state]).toEqual(['confirmed', 'confirmed']);
  });

  test("bridges an invited partner before its ACK, in the first leg's codec", async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const one = lab.phone('one', { codecs: ['PCMA', 'telephone-event'] });
    const two = lab.phone('two');
    one.onCall = { answerAfterMs: 0 };
    two.onCall = { answerAfterMs: 0 };
    const a = await lab.run(tandem.invite(one.uri));
    await using bridge = tandem.bridge();
    bridge.add(a);
    const b = await lab.run(tandem.inviteBridge(two.uri, bridge));
    expect((await two.receives('INVITE')).body).toMatch(/RTP\/AVP 8 101/);
    expect(b.data).toBe(a.data);
    await talk(one, two);
  });

  test('re-offers the other leg when one changes its codec, and refuses when it cannot follow', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    await b2bua(lab, bob);
    await alice.dial('1000');
    await bob.receives('ACK');
    const codecs = ['PCMA', 'telephone-event'];

    bob.misbehave({ refuses: { INVITE: 488 } });
    expect((await alice.reInvite({ codecs })).status).toBe(488);
    expect((await bob.receives('INVITE')).body).toMatch(/RTP\/AVP 8 /);
    await talk(alice, bob);

    bob.behave();
    expect((await alice.reInvite({ codecs })).status).toBe(200);
    await talk(alice, bob);
    await alice.hangup();
    await bob.ends();
  });
});
