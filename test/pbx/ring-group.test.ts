import { describe } from 'vitest';
import type { RingGroupOptions, RingGroupResult } from '../../src/pbx/ring-group.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type LabTandemOptions, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { register, registered, serveUsers } from './phones.ts';

interface Group {
  readonly tandem: Tandem;
  readonly results: RingGroupResult[];
}

/** A server whose every call goes to the group `sales`. */
async function serveGroup(
  lab: Lab,
  options: RingGroupOptions,
  { answers = false, ...more }: LabTandemOptions & { readonly answers?: boolean } = {},
): Promise<Group> {
  const results: RingGroupResult[] = [];
  const tandem = await serveUsers(
    lab,
    async (call, house) => {
      if (answers) await call.answer();
      results.push(await house.ringGroup('sales', options).connect(call));
    },
    more,
  );
  return { tandem, results };
}

describe('a ring group', () => {
  test('rings all at once, and who answers first talks with the caller', async ({ lab }) => {
    const { results } = await serveGroup(lab, { members: ['bob', 'carol', 'dave'] });
    const [bob, carol, dave] = await registered(lab, 'bob', 'carol', 'dave');
    bob.onCall = { answerAfterMs: 9000 };
    carol.onCall = { answerAfterMs: 3000 };
    dave.onCall = { reject: 486 };
    const alice = lab.phone('alice');
    await alice.dial('sales');
    expect((await alice.receives(180)).status).toBe(180);
    expect((await bob.ends())?.what).toBe('CANCEL');
    await Promise.all([alice.speak(sine(440)), carol.hearsTone(440)]);
    await lab.advance(1000);
    await alice.hangup();
    await carol.ends();
    await lab.until(() => results.length === 1);
    expect(results[0]).toMatchObject({ end: 'answered', member: 'carol' });
    expect(results[0]?.rangMs).toBeGreaterThan(2900);
    expect(results[0]?.rangMs).toBeLessThan(3200);
    expect(results[0]?.talkedMs).toBeGreaterThan(1000);
  });

  test('rings one after the other, each for its time', async ({ lab }) => {
    const { results } = await serveGroup(lab, {
      members: ['bob', 'carol', 'dave'],
      strategy: 'sequence',
      ringTime: 5000,
    });
    const [bob, carol, dave] = await registered(lab, 'bob', 'carol', 'dave');
    carol.onCall = { reject: 603 };
    dave.onCall = { answerAfterMs: 1000 };
    const alice = lab.phone('alice');
    alice.invite('sales');
    await bob.rings();
    const rangAt = lab.clock.now();
    expect((await bob.ends())?.what).toBe('CANCEL');
    expect(lab.clock.now() - rangAt).toBeGreaterThan(4900);
    await dave.isUp();
    await dave.hangup();
    await alice.ends();
    expect(results).toMatchObject([{ end: 'answered', member: 'dave' }]);
  });

  test('rings whoever has been off the phone longest', async ({ lab }) => {
    const { results } = await serveGroup(lab, { members: ['bob', 'carol', 'dave'], strategy: 'longest-idle' });
    const phones = await registered(lab, 'bob', 'carol', 'dave');
    for (const phone of phones) phone.onCall = { answerAfterMs: 100 };
    const alice = lab.phone('alice');
    for (let call = 0; call < 4; call++) {
      await alice.dial('sales');
      await lab.advance(2000);
      await alice.hangup();
      await lab.until(() => results.length === call + 1);
    }
    expect(results.map(({ member }) => member)).toEqual(['bob', 'carol', 'dave', 'bob']);
  });

  test('rings in any order, the same for the same seed', async ({ lab }) => {
    const { results } = await serveGroup(lab, { members: ['bob', 'carol', 'dave', 'erin'], strategy: 'random' });
    const phones = await registered(lab, 'bob', 'carol', 'dave', 'erin');
    for (const phone of phones) phone.onCall = { answerAfterMs: 100 };
    const alice = lab.phone('alice');
    for (let call = 0; call < 8; call++) {
      await alice.dial('sales');
      await alice.hangup();
      await lab.until(() => results.length === call + 1);
    }
    expect(new Set(results.map(({ member }) => member)).size).toBeGreaterThan(1);
  });

  test.for([
    ['busy', [{ reject: 486 }, { reject: 603 }]],
    ['busy', [{ reject: 486 }, { reject: 404 }]],
    ['unavailable', [{ reject: 404 }, { reject: 480 }]],
    ['no-answer', [{}, { reject: 486 }]],
  ] as const)('that nobody takes is %s', async ([end, plans], { lab }) => {
    const { results } = await serveGroup(lab, { members: ['bob', 'carol'], ringTime: 4000 });
    const phones = await registered(lab, 'bob', 'carol');
    phones.forEach((phone, i) => {
      phone.onCall = plans[i] ?? {};
    });
    const alice = lab.phone('alice');
    alice.invite('sales');
    expect((await alice.ends())?.status).toBe(480);
    expect(results).toMatchObject([{ end }]);
  });

  test('with nobody registered is unavailable at once, and a phone that registers later is rung', async ({ lab }) => {
    const { results } = await serveGroup(lab, { members: ['bob'] });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.invite('sales');
    await alice.ends();
    expect(results).toEqual([{ end: 'unavailable', rangMs: 0 }]);
    await register(bob);
    bob.onCall = { answerAfterMs: 100 };
    await alice.dial('sales');
    await alice.hangup();
    await lab.until(() => results.length === 2);
    expect(results[1]).toMatchObject({ end: 'answered', member: 'bob' });
  });

  test('calls members that are URIs', async ({ lab }) => {
    const { results } = await serveGroup(lab, { members: ['sip:x@bob', 'bob'] });
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 100 };
    const alice = lab.phone('alice');
    await alice.dial('sales');
    await bob.hangup();
    await alice.ends();
    expect(results).toMatchObject([{ end: 'answered', member: 'sip:x@bob' }]);
  });

  test('rings all phones of a member', async ({ lab }) => {
    const { results } = await serveGroup(lab, { members: ['bob'], strategy: 'sequence' });
    const [desk] = await registered(lab, 'bob');
    const mobile = lab.phone('mobile');
    await register(mobile, 3600, 'bob');
    mobile.onCall = { answerAfterMs: 500 };
    const alice = lab.phone('alice');
    await alice.dial('sales');
    expect((await desk.ends())?.what).toBe('CANCEL');
    await alice.hangup();
    await mobile.ends();
    await lab.until(() => results.length === 1);
    expect(results).toMatchObject([{ end: 'answered', member: 'bob' }]);
  });

  test('is taken back from all when the caller gives up', async ({ lab }) => {
    const { results } = await serveGroup(lab, { members: ['bob', 'carol'] });
    const [bob, carol] = await registered(lab, 'bob', 'carol');
    const alice = lab.phone('alice');
    alice.invite('sales');
    await Promise.all([bob.rings(), carol.rings()]);
    await lab.advance(2000);
    await alice.cancel();
    expect((await bob.ends())?.what).toBe('CANCEL');
    expect((await carol.ends())?.what).toBe('CANCEL');
    expect(results).toMatchObject([{ end: 'abandoned' }]);
  });

  test('lets an answered caller hear ringback', async ({ lab }) => {
    await serveGroup(lab, { members: ['bob'] }, { answers: true });
    await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('sales');
    await alice.hearsTone(425, { within: 3000 });
    await alice.hangup();
  });

  test('plays music in place of it', async ({ lab }) => {
    await serveGroup(lab, { members: ['bob'], music: 'prompts/music.wav' });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('sales');
    await alice.hears('music.wav', { ms: 1000 });
    await bob.answer();
    await Promise.all([bob.speak(sine(660)), alice.hearsTone(660)]);
    await alice.hangup();
  });

  test('passes over members on the phone where it is to', async ({ lab }) => {
    const { results } = await serveGroup(lab, { members: ['bob', 'carol'], strategy: 'sequence', skipBusy: true });
    const [bob, carol] = await registered(lab, 'bob', 'carol');
    bob.onCall = carol.onCall = { answerAfterMs: 100 };
    const [alice, dave, erin] = [lab.phone('alice'), lab.phone('dave'), lab.phone('erin')];
    await alice.dial('sales');
    await dave.dial('sales');
    await carol.isUp();
    erin.invite('sales');
    await erin.ends();
    expect(results).toMatchObject([{ end: 'busy' }]);
    await alice.hangup();
    await dave.hangup();
    await lab.until(() => results.length === 3);
    expect(results.map(({ member }) => member)).toEqual([undefined, 'bob', 'carol']);
  });

  test('goes on with other settings, and keeps the old ones when the new are wrong', async ({ lab }) => {
    const { tandem } = await serveGroup(lab, { members: ['bob'] });
    const group = tandem.ringGroup('sales', { members: ['bob'], ringTime: 1000 });
    expect(tandem.ringGroup('sales')).toBe(group);
    expect(() => tandem.ringGroup('sales', { members: ['sip:@@'] })).toThrow(/is not a SIP URI/);
    expect(group.options.ringTime).toBe(1000);
    expect(() => tandem.ringGroup('none')).toThrow(/there is no ring group "none"/);
  });

  test.for([
    [{ members: ['a', 'a'] }, 'named twice'],
    [{ members: 'bob' }, 'is a list'],
    [{ members: [''] }, 'names of users'],
    [{ members: ['a'], strategy: 'loud' }, 'strategy is one of all, sequence'],
    [{ members: ['a'], ringTime: -1 }, 'ringTime is milliseconds'],
    [{ members: ['a'], early: 'no' }, 'early is one of'],
  ] as const)('says what is wrong with %j', async ([options, message], { lab }) => {
    const tandem = lab.newTandem();
    expect(() => tandem.ringGroup('sales', options as never)).toThrow(message);
    expect(() => tandem.ringGroup('../etc', { members: [] })).toThrow(/a name is up to 64/);
  });
});
