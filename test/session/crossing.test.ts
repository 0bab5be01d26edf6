import { describe } from 'vitest';
import type { Bridge, BridgeOptions } from '../../src/session/bridge.ts';
import { type Lab, type Phone, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** Alice and Bob in a bridge. */
async function bridged(lab: Lab, options: BridgeOptions): Promise<[Phone, Phone, Bridge]> {
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  bob.onCall = { answerAfterMs: 0 };
  const { promise, resolve } = Promise.withResolvers<Bridge>();
  await lab.serve(async (call, tandem) => {
    const agent = await call.invite(bob.uri);
    await using bridge = await tandem.bridge(call, agent, options);
    resolve(bridge);
    await bridge.ended;
  });
  await alice.dial('1000');
  return [alice, bob, await lab.run(promise)];
}

async function talk(alice: Phone, bob: Phone): Promise<void> {
  await Promise.all([alice.speak(sine(440)), bob.speak(sine(660))]);
  await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
}

const pass = { reinvites: 'pass' } as const;
const directions = (...phones: Phone[]) => phones.map((phone) => phone.call?.media.direction);
const offersTo = (phone: Phone) => phone.received.filter(({ method }) => method === 'INVITE' || method === 'UPDATE');

describe('a bridge that passes re-INVITEs', () => {
  test.for(['INVITE', 'UPDATE'] as const)('crosses hold and resume by %s, in both directions', async (method, {
    lab,
  }) => {
    const [alice, bob] = await bridged(lab, pass);
    await talk(alice, bob);
    for (const [one, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const again = method === 'INVITE' ? one.reInvite.bind(one) : one.update.bind(one);
      expect((await again({ direction: 'sendonly' })).status).toBe(200);
      expect(directions(one, other)).toEqual(['sendonly', 'recvonly']);
      expect((await again({ direction: 'inactive' })).status).toBe(200);
      expect(directions(one, other)).toEqual(['inactive', 'inactive']);
      expect((await again({ direction: 'sendrecv' })).status).toBe(200);
      expect(directions(one, other)).toEqual(['sendrecv', 'sendrecv']);
      await talk(alice, bob);
    }
    await alice.hangup();
    await bob.ends();
  });

  test('gives the refusal of the other leg back as 488, and all stays as it was', async ({ lab }) => {
    const [alice, bob] = await bridged(lab, pass);
    bob.misbehave({ refuses: { INVITE: 603 } });
    expect((await alice.reInvite({ direction: 'sendonly' })).status).toBe(488);
    expect(directions(alice, bob)).toEqual(['sendrecv', 'sendrecv']);
    bob.behave();
    await talk(alice, bob);
    await alice.hangup();
    await bob.ends();
  });

  test('offers nothing to the other leg when the direction is as before', async ({ lab }) => {
    const [alice, bob] = await bridged(lab, pass);
    await alice.reInvite();
    await alice.update({ sdp: null });
    expect(offersTo(bob)).toHaveLength(1);
    await alice.hangup();
    await bob.ends();
  });

  test('settles when both legs hold at once', async ({ lab }) => {
    const [alice, bob] = await bridged(lab, pass);
    await bob.isUp();
    await lab.run(Promise.all([alice.reInvite({ direction: 'sendonly' }), bob.reInvite({ direction: 'sendonly' })]));
    await lab.advance(10_000);
    expect(directions(alice, bob)).toEqual(['inactive', 'inactive']);
    await alice.resume();
    await bob.resume();
    await lab.advance(1_000);
    expect(directions(alice, bob)).toEqual(['sendrecv', 'sendrecv']);
    await talk(alice, bob);
    await alice.hangup();
    await bob.ends();
  });
});

test('a bridge absorbs hold and resume by default, and nothing comes to who holds', async ({ lab }) => {
  const [alice, bob] = await bridged(lab, {});
  await talk(alice, bob);
  await alice.hold();
  await alice.hearsSilence(1_000);
  expect(directions(alice, bob)).toEqual(['sendonly', 'sendrecv']);
  await alice.resume();
  await talk(alice, bob);
  expect(offersTo(bob)).toHaveLength(1);
  await alice.hangup();
  await bob.ends();
});
