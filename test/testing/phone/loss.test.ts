/** Calls over a network that loses, reorders and doubles what is sent. */
import { describe } from 'vitest';
import { between, Lab, type Phone, sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { expectNoTimers, sent, times } from './ladder.ts';

const seeds = Array.from({ length: 50 }, (_, seed) => seed);
const bad = {
  loss: 0.2,
  reorder: 0.2,
  reorderMs: 700,
  duplicate: 0.2,
  delayMs: 20,
  jitterMs: 30,
  only: 'sip',
} as const;
/** Of both phones, for one call: twice of what the worst of the seeds takes. */
const mostMessages = 40;

async function talk(alice: Phone, bob: Phone): Promise<void> {
  await Promise.all([alice.speak(sine(440)), bob.speak(sine(660))]);
  await Promise.all([alice.hearsTone(660), bob.hearsTone(440)]);
}

function expectOver(lab: Lab, alice: Phone, bob: Phone): void {
  expect([alice.call?.state, bob.call?.state]).toEqual(['over', 'over']);
  const ends = [alice.call?.endedBy, bob.call?.endedBy].sort();
  // One hung up and the other heard of it, or both hung up at once.
  expect([
    ['local', 'remote'],
    ['local', 'local'],
  ]).toContainEqual(ends);
  expect(sent(lab, 'alice').length + sent(lab, 'bob').length).toBeLessThan(mostMessages);
}

describe('with a fifth of all messages lost, late or doubled', () => {
  test.for(seeds)('two phones call, talk and hang up, seed %i', async (seed) => {
    await using lab = new Lab({ seed, network: bad });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    const random = lab.random('test');
    bob.onCall = { answerAfterMs: between(random, 0, 3000) };
    await alice.dial(bob.uri);
    await bob.isUp();
    await talk(alice, bob);
    const hangups = [[alice], [bob], [alice, bob]][seed % 3] as Phone[];
    await Promise.all(hangups.map((phone) => phone.hangup()));
    await Promise.all([alice.ends(), bob.ends()]);
    expectOver(lab, alice, bob);
    const enders = [alice, bob].filter(({ name }) => times(lab, name, 'BYE').length > 0);
    expect(enders).toEqual(hangups);
    await expectNoTimers(lab);
    expectOver(lab, alice, bob);
  });

  test.for(seeds.slice(0, 30))('a phone cancels while the other answers, seed %i', async (seed) => {
    await using lab = new Lab({ seed, network: bad });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    const random = lab.random('test');
    bob.onCall = { answerAfterMs: between(random, 900, 1100) };
    const call = alice.invite(bob.uri);
    await lab.advance(between(random, 900, 1100));
    if (call.state === 'calling') await alice.cancel();
    else await alice.hangup();
    await bob.ends();
    expect([alice.call?.state, bob.call?.state]).toEqual(['over', 'over']);
    expect(sent(lab, 'alice').length + sent(lab, 'bob').length).toBeLessThan(mostMessages);
    await expectNoTimers(lab);
  });

  test.for(seeds.slice(0, 15))('hold and resume by both sides end as they should, seed %i', async (seed) => {
    await using lab = new Lab({ seed, network: bad });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    await alice.dial(bob.uri);
    await bob.isUp();
    await Promise.all([alice.hold(), bob.hold()]);
    await lab.advance(5000);
    expect([alice.call?.media.direction, bob.call?.media.direction]).toEqual(['inactive', 'inactive']);
    await Promise.all([alice.resume(), bob.resume()]);
    await lab.advance(5000);
    await talk(alice, bob);
    await alice.hangup();
    await bob.ends();
    await expectNoTimers(lab);
  });

  test.for(seeds.slice(0, 15))('a phone and a server call each other and hang up, seed %i', async (seed) => {
    await using lab = new Lab({ seed, network: bad });
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      await call.echo();
    });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await alice.dial('1000');
    await alice.speak(sine(440));
    // The script goes on with the ACK, and that may be lost again and again.
    await alice.hearsTone(440, { within: 32_000 });
    bob.onCall = { answerAfterMs: between(lab.random('test'), 0, 3000) };
    const call = await lab.run(tandem.invite(bob.uri));
    await bob.isUp();
    await Promise.all([alice.hangup(), lab.run(call.close()), bob.ends()]);
    expect([alice.call?.endedBy, bob.call?.endedBy]).toEqual(['local', 'remote']);
    await lab.close();
  });

  test.for(seeds.slice(0, 10))('a transfer is told of to the end, seed %i', async (seed) => {
    await using lab = new Lab({ seed, network: { ...bad, reorder: 0 } });
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = carol.onCall = { answerAfterMs: 500 };
    await alice.dial(bob.uri);
    await bob.isUp();
    expect(await alice.transfer(carol.uri)).toBe(200);
    await alice.hangup();
    await carol.isUp();
    await talk(bob, carol);
    await bob.hangup();
    await carol.ends();
    await expectNoTimers(lab);
  });
});
