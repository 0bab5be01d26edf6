import { describe } from 'vitest';
import { sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

describe('a call to several phones', () => {
  test('goes to the first that answers; the others are cancelled', async ({ lab }) => {
    const [alice, bob, carol, dave] = ['alice', 'bob', 'carol', 'dave'].map((name) => lab.phone(name));
    if (!alice || !bob || !carol || !dave) throw new Error('no phones');
    bob.onCall = { answerAfterMs: 9000 };
    carol.onCall = { answerAfterMs: 3000 };
    dave.onCall = { reject: 486 };
    await lab.serve(async (call, tandem) => {
      const leg = await call.invite([bob.uri, carol.uri, dave.uri]);
      await using bridge = await tandem.bridge(call, leg);
      await bridge.ended;
    });
    await alice.dial('1000');
    expect(alice.call?.status).toBe(200);
    expect((await alice.receives(180)).status).toBe(180);
    expect((await bob.ends())?.what).toBe('CANCEL');
    await Promise.all([alice.speak(sine(440)), carol.hearsTone(440)]);
    await alice.hangup();
    await carol.ends();
  });

  test('one after the other, in order, until one answers', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = { reject: 486 };
    carol.onCall = { answerAfterMs: 500 };
    await lab.serve(async (call, tandem) => {
      const leg = await call.invite([bob.uri, carol.uri], { strategy: 'sequence' });
      await using bridge = await tandem.bridge(call, leg);
      await bridge.ended;
    });
    await alice.dial('1000');
    await carol.isUp();
    await alice.hangup();
    await carol.ends();
  });

  test('that all refuse ends with the best of their refusals, to nobody with 480', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = { reject: 486 };
    carol.onCall = { reject: 603 };
    await lab.serve(async (call) => {
      await call.invite(call.toUser === '1000' ? [bob.uri, carol.uri] : []);
    });
    alice.invite('1000');
    expect((await alice.ends())?.status).toBe(603);
    alice.invite('1001');
    expect((await alice.ends())?.status).toBe(480);
  });

  test('is taken back from all of them when the caller gives up', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    await lab.serve(async (call) => {
      await call.invite([bob.uri, carol.uri]);
    });
    alice.invite('1000');
    await Promise.all([bob.rings(), carol.rings()]);
    await lab.advance(2000);
    await alice.cancel();
    expect((await bob.ends())?.what).toBe('CANCEL');
    expect((await carol.ends())?.what).toBe('CANCEL');
  });
});
