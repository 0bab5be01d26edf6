import { describe } from 'vitest';
import type { QueueOptions, QueueResult } from '../../src/pbx/queue-options.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type LabTandemOptions, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { register, registered, serveUsers } from './phones.ts';

interface Desk {
  readonly tandem: Tandem;
  readonly results: QueueResult[];
  /** What the observer told of the queue: the event without its prefix, and the agent or how it ended. */
  readonly told: string[];
}

/** A server whose every call goes into `support`; a number from 1 to 9 is its priority. */
async function serveQueue(lab: Lab, options: QueueOptions, more: LabTandemOptions = {}): Promise<Desk> {
  const results: QueueResult[] = [];
  const told: string[] = [];
  const tandem = await serveUsers(
    lab,
    async (call, house) => {
      const priority = Number(call.toUser);
      results.push(await house.queue('support').enter(call, priority > 0 ? { priority } : {}));
    },
    more,
  );
  tandem.queue('support', { announceEvery: 0, ...options });
  const { observer } = tandem;
  for (const name of ['ringing', 'missed', 'answered'] as const)
    observer.on(`queue:${name}`, ({ agent }) => void told.push(`${name} ${agent}`));
  observer.on('queue:left', ({ end }) => void told.push(`left ${end}`));
  return { tandem, results, told };
}

const agentStates = (tandem: Tandem): Record<string, string> =>
  Object.fromEntries(tandem.queue('support').state.agents.map(({ name, state }) => [name, state]));

describe('a queue', () => {
  test('plays music until an agent takes the call, and connects both', async ({ lab }) => {
    const { results, told, tandem } = await serveQueue(lab, { members: ['bob'] });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await bob.rings();
    await alice.hears('music.wav', { ms: 2000 });
    expect(agentStates(tandem)).toEqual({ bob: 'ringing' });
    await bob.answer();
    await Promise.all([alice.speak(sine(440)), bob.hearsTone(440)]);
    await Promise.all([bob.speak(sine(660)), alice.hearsTone(660)]);
    expect(agentStates(tandem)).toEqual({ bob: 'talking' });
    await bob.hangup();
    await alice.ends();
    expect(results).toEqual([
      { end: 'answered', agent: 'bob', waitedMs: expect.any(Number), talkedMs: expect.any(Number) },
    ]);
    expect(told).toEqual(['ringing bob', 'answered bob', 'left answered']);
    expect(tandem.queue('support').state).toMatchObject({
      callers: [],
      agents: [{ name: 'bob', state: 'idle', taken: 1, missed: 0 }],
      left: { answered: 1 },
    });
  });

  test('tells callers which place they have, and again after a while', async ({ lab }) => {
    await serveQueue(lab, { members: ['bob'], announceEvery: 20_000, ringTime: 1000, retryAfter: 600_000 });
    await registered(lab, 'bob');
    const [alice, carol] = [lab.phone('alice'), lab.phone('carol')];
    await alice.dial('queue');
    await carol.dial('queue');
    await carol.hears('queue-position.wav');
    await carol.hears('digits/2.wav');
    await carol.hears('music.wav', { ms: 2000 });
    await alice.hangup();
    await carol.hears('queue-position.wav', { within: 30_000 });
    await carol.hears('digits/1.wav');
    await carol.hangup();
  });

  test('says what the script wants to be said', async ({ lab }) => {
    await serveQueue(lab, {
      members: ['bob'],
      ringTime: 1000,
      retryAfter: 600_000,
      announceEvery: 5000,
      music: false,
      announce: (position, waitedMs) => ({ say: `${position} after ${Math.floor(waitedMs / 1000)}` }),
    });
    await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await alice.hears(lab.tts.sound('1 after 5'), { within: 10_000 });
    await alice.hangup();
  });

  test('serves callers in the order in which they came, those with more priority first', async ({ lab }) => {
    const { tandem, results } = await serveQueue(lab, { members: ['bob'], ringTime: 60_000 });
    const [bob] = await registered(lab, 'bob');
    const callers = ['a', 'b', 'c', 'd'].map((name) => lab.phone(name));
    const [first, second, urgent, vip] = callers;
    if (!first || !second || !urgent || !vip) throw new Error('no phones');
    await first.dial('queue');
    await lab.until(() => agentStates(tandem).bob === 'ringing');
    await second.dial('queue');
    await urgent.dial('1');
    await vip.dial('9');
    // The agent rings for the first already.
    expect(tandem.queue('support').state.callers.map(({ fromUser }) => fromUser)).toEqual(['d', 'c', 'a', 'b']);
    const served: (string | undefined)[] = [];
    for (let call = 0; call < 4; call++) {
      await bob.rings();
      served.push(bob.call?.dialog.remoteUri);
      await bob.answer();
      await lab.advance(500);
      await bob.hangup();
    }
    expect(served.map((uri) => uri?.[4])).toEqual(['a', 'd', 'c', 'b']);
    await lab.until(() => results.length === 4);
  });

  test('never gives one agent to two callers', async ({ lab }) => {
    const { told, tandem } = await serveQueue(lab, { members: ['bob', 'carol'], ringTime: 60_000 });
    const [bob, carol] = await registered(lab, 'bob', 'carol');
    const callers = Array.from({ length: 5 }, (_, i) => lab.phone(`caller${i}`));
    for (const caller of callers) caller.invite('queue');
    await Promise.all([bob.rings(), carol.rings()]);
    await lab.advance(1000);
    expect(told).toEqual(['ringing bob', 'ringing carol']);
    bob.onCall = carol.onCall = { answerAfterMs: 100 };
    await Promise.all([bob.answer(), carol.answer()]);
    await lab.advance(5000);
    expect(tandem.queue('support').state.callers).toHaveLength(3);
    expect(told.filter((one) => one.startsWith('ringing'))).toHaveLength(2);
    await bob.hangup();
    await lab.advance(1000);
    expect(told.filter((one) => one.startsWith('ringing'))).toEqual(['ringing bob', 'ringing carol', 'ringing bob']);
    for (const caller of callers) await caller.hangup();
  });

  test('shares agents with other queues: they get one call at a time', async ({ lab }) => {
    const { tandem } = await serveQueue(lab, { members: ['bob'], ringTime: 60_000 });
    const other = tandem.queue('other', { members: ['bob'], announceEvery: 0 });
    await tandem.serveBackground(async (call) => {
      await tandem.queue(call.toUser === 'other' ? 'other' : 'support').enter(call);
    });
    const [bob] = await registered(lab, 'bob');
    const [alice, carol] = [lab.phone('alice'), lab.phone('carol')];
    await alice.dial('queue');
    await bob.rings();
    await carol.dial('other');
    await lab.advance(5000);
    expect(other.state).toMatchObject({ callers: [{ ringing: [] }], agents: [{ state: 'ringing' }] });
    await alice.hangup();
    await bob.ends();
    await bob.rings();
    expect(other.state).toMatchObject({ callers: [{ ringing: ['bob'] }] });
    await carol.hangup();
  });

  test('goes to the next agent when one rejects, and to the first again after a pause', async ({ lab }) => {
    const { told } = await serveQueue(lab, {
      members: ['bob', 'carol'],
      strategy: 'sequence',
      ringTime: 4000,
      retryAfter: 6000,
    });
    const [bob, carol] = await registered(lab, 'bob', 'carol');
    bob.onCall = { reject: 486 };
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await carol.rings();
    expect((await carol.ends())?.what).toBe('CANCEL');
    bob.onCall = { answerAfterMs: 100 };
    await bob.isUp({ within: 10_000 });
    await alice.hangup();
    expect(told.slice(0, 5)).toEqual(['ringing bob', 'missed bob', 'ringing carol', 'missed carol', 'ringing bob']);
  });

  test('does not call a phone that refuses everything more often than that', async ({ lab }) => {
    const { told } = await serveQueue(lab, { members: ['bob'], retryAfter: 5000 });
    const [bob] = await registered(lab, 'bob');
    bob.onCall = { reject: 486 };
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await lab.advance(29_000);
    expect(told.filter((one) => one === 'ringing bob')).toHaveLength(6);
    await alice.hangup();
  });

  test('pauses an agent that misses too many', async ({ lab }) => {
    const { tandem } = await serveQueue(lab, { members: ['bob'], retryAfter: 1000, pauseAfterMissed: 3 });
    const [bob] = await registered(lab, 'bob');
    bob.onCall = { reject: 486 };
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await lab.advance(10_000);
    expect(tandem.queue('support').state.agents).toEqual([{ name: 'bob', state: 'paused', taken: 0, missed: 3 }]);
    bob.onCall = { answerAfterMs: 100 };
    tandem.queue('support').resume('bob');
    await bob.isUp();
    await alice.hangup();
  });

  test('cancels the ringing agent when the caller hangs up', async ({ lab }) => {
    const { results, told } = await serveQueue(lab, { members: ['bob'] });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await bob.rings();
    await alice.hangup();
    expect((await bob.ends())?.what).toBe('CANCEL');
    expect(results).toEqual([{ end: 'abandoned', waitedMs: expect.any(Number) }]);
    expect(told).toEqual(['ringing bob', 'left abandoned']);
  });

  test('lets a caller go after its time, and cancels who rings then', async ({ lab }) => {
    const { results } = await serveQueue(lab, { members: ['bob'], maxWait: 8000, ringTime: 60_000 });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await bob.rings();
    expect((await bob.ends())?.what).toBe('CANCEL');
    await alice.ends();
    expect(results).toEqual([{ end: 'timeout', waitedMs: 8000 }]);
  });

  test('does not let in more than so many, and answers none of these', async ({ lab }) => {
    const { results } = await serveQueue(lab, { members: ['bob'], maxCallers: 1, ringTime: 60_000 });
    await registered(lab, 'bob');
    const [alice, carol] = [lab.phone('alice'), lab.phone('carol')];
    await alice.dial('queue');
    carol.invite('queue');
    expect((await carol.ends())?.status).toBe(480);
    expect(results).toEqual([{ end: 'full', waitedMs: 0 }]);
    await alice.hangup();
  });

  test('with nobody registered lets callers go at once, and when the last agent leaves', async ({ lab }) => {
    const { results, tandem } = await serveQueue(lab, { members: ['bob'], ringTime: 60_000 });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.invite('queue');
    expect((await alice.ends())?.status).toBe(480);
    expect(agentStates(tandem)).toEqual({ bob: 'unregistered' });
    await register(bob);
    tandem.queue('support').pause('bob');
    await alice.dial('queue');
    await lab.advance(3000);
    await register(bob, 0);
    await alice.ends();
    expect(results).toMatchObject([{ end: 'no-agents', waitedMs: 0 }, { end: 'no-agents' }]);
  });

  test('lets them wait for an agent to register where it is to', async ({ lab }) => {
    await serveQueue(lab, { members: ['bob'], whenEmpty: 'wait' });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 100 };
    await alice.dial('queue');
    await lab.advance(30_000);
    await register(bob);
    await bob.isUp();
    await alice.hangup();
  });

  test('hands over callers that nobody took', async ({ lab }) => {
    const seen: string[] = [];
    await serveQueue(lab, {
      members: ['bob'],
      maxWait: 3000,
      overflow: async (call, { end }) => {
        seen.push(end);
        await call.playback().play('prompts/goodbye.wav');
      },
    });
    await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await alice.hears('goodbye.wav', { within: 10_000 });
    await alice.ends();
    expect(seen).toEqual(['timeout']);
  });

  test('lets callers out by a key', async ({ lab }) => {
    const { results } = await serveQueue(lab, { members: ['bob'], exitKeys: '0#' });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await bob.rings();
    await alice.press('50');
    expect((await bob.ends())?.what).toBe('CANCEL');
    await alice.ends();
    expect(results).toMatchObject([{ end: 'key', key: '0' }]);
  });

  test('gives agents time of their own after a call', async ({ lab }) => {
    const { tandem, told } = await serveQueue(lab, { members: ['bob'], wrapUp: 10_000 });
    const [bob] = await registered(lab, 'bob');
    bob.onCall = { answerAfterMs: 100 };
    const [alice, carol] = [lab.phone('alice'), lab.phone('carol')];
    await alice.dial('queue');
    await bob.isUp();
    await carol.dial('queue');
    await alice.hangup();
    await bob.ends();
    await lab.advance(9000);
    expect(agentStates(tandem)).toEqual({ bob: 'wrap-up' });
    expect(told).toEqual(['ringing bob', 'answered bob', 'left answered']);
    await lab.advance(2000);
    expect(agentStates(tandem)).toEqual({ bob: 'talking' });
    await carol.hangup();
    await bob.ends();
    await lab.advance(1000);
    tandem.queue('support').resume('bob');
    expect(agentStates(tandem)).toEqual({ bob: 'idle' });
  });

  test('rings nobody who is paused, and goes on with a call that it has', async ({ lab }) => {
    const { tandem } = await serveQueue(lab, { members: ['bob', 'carol'], strategy: 'sequence' });
    const [bob, carol] = await registered(lab, 'bob', 'carol');
    bob.onCall = carol.onCall = { answerAfterMs: 100 };
    const [alice, dave] = [lab.phone('alice'), lab.phone('dave')];
    await alice.dial('queue');
    await bob.isUp();
    tandem.queue('support').pause('bob');
    expect(agentStates(tandem)).toEqual({ bob: 'talking', carol: 'idle' });
    await alice.hangup();
    await bob.ends();
    expect(agentStates(tandem)).toEqual({ bob: 'paused', carol: 'idle' });
    await dave.dial('queue');
    await carol.isUp();
    await dave.hangup();
    expect(() => tandem.queue('support').pause('nobody')).toThrow(/has no agent "nobody"/);
  });

  test('knows agents that are on the phone elsewhere', async ({ lab }) => {
    const { tandem } = await serveQueue(lab, { members: ['bob'] });
    const [bob] = await registered(lab, 'bob');
    bob.onCall = { answerAfterMs: 100 };
    const leg = await lab.run(tandem.invite(tandem.registrar?.lookup('bob') ?? []));
    expect(agentStates(tandem)).toEqual({ bob: 'talking' });
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await lab.advance(3000);
    expect(tandem.queue('support').state.callers).toMatchObject([{ ringing: [] }]);
    await lab.run(leg.hangup());
    await lab.until(() => tandem.queue('support').state.callers.length === 0);
    expect(agentStates(tandem)).toEqual({ bob: 'talking' });
    await alice.hangup();
  });

  test('rings all free agents for the first caller', async ({ lab }) => {
    const { told } = await serveQueue(lab, { members: ['bob', 'carol', 'dave'], strategy: 'all' });
    const [bob, carol, dave] = await registered(lab, 'bob', 'carol', 'dave');
    dave.onCall = { reject: 486 };
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await Promise.all([bob.rings(), carol.rings()]);
    await carol.answer();
    expect((await bob.ends())?.what).toBe('CANCEL');
    await alice.hangup();
    await carol.ends();
    expect(told).toContain('answered carol');
    expect(told).not.toContain('missed bob');
  });

  test('takes the agent that has been off the phone longest', async ({ lab }) => {
    const { results } = await serveQueue(lab, { members: ['bob', 'carol', 'dave'] });
    for (const phone of await registered(lab, 'bob', 'carol', 'dave')) phone.onCall = { answerAfterMs: 100 };
    const alice = lab.phone('alice');
    for (let call = 0; call < 4; call++) {
      await alice.dial('queue');
      await lab.advance(2000);
      await alice.hangup();
      await lab.until(() => results.length === call + 1);
    }
    expect(results.map(({ agent }) => agent)).toEqual(['bob', 'carol', 'dave', 'bob']);
  });

  test('frees an agent who has transferred its caller', async ({ lab }) => {
    const { tandem } = await serveQueue(lab, { members: ['bob'], wrapUp: 1000 }, { transfer: 'execute' });
    const [bob] = await registered(lab, 'bob');
    bob.onCall = { answerAfterMs: 100 };
    const [alice, carol] = [lab.phone('alice'), lab.phone('carol')];
    carol.onCall = { answerAfterMs: 100 };
    await alice.dial('queue');
    await bob.isUp();
    await bob.transfer(carol.uri);
    await lab.advance(5000);
    expect(agentStates(tandem)).toEqual({ bob: 'idle' });
    await Promise.all([alice.speak(sine(440)), carol.hearsTone(440)]);
    await alice.hangup();
    await carol.ends();
  });

  test('lets a caller wait who was transferred to it, with music, when the transferrer is gone', async ({ lab }) => {
    const { tandem } = await serveQueue(lab, { members: ['bob'], whenEmpty: 'wait' }, { transfer: 'execute' });
    const [bob, dave] = [lab.phone('bob'), lab.phone('dave')];
    const alice = lab.phone('alice');
    dave.onCall = bob.onCall = { answerAfterMs: 100 };
    await tandem.serveBackground(async (call) => {
      if (call.toUser === 'queue') return void (await tandem.queue('support').enter(call));
      const leg = await call.invite(dave.uri);
      await using bridge = await tandem.bridge(call, leg);
      await bridge.ended;
    });
    await alice.dial('dave');
    await dave.isUp();
    const line = dave.anotherLine();
    await line.dial('queue');
    await line.hears('music.wav', { ms: 1000 });
    expect(await dave.transfer(line)).toBe(200);
    await alice.hears('music.wav', { ms: 2000, within: 5000 });
    await register(bob);
    await Promise.all([alice.speak(sine(440)), bob.hearsTone(440)]);
    await alice.hangup();
    await bob.ends();
  });

  test('goes on with other agents, and keeps its callers', async ({ lab }) => {
    const { tandem } = await serveQueue(lab, { members: ['bob'], whenEmpty: 'wait' });
    const [carol] = await registered(lab, 'carol');
    carol.onCall = { answerAfterMs: 100 };
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await lab.advance(1000);
    tandem.queue('support', { members: ['carol'], announceEvery: 0 });
    await carol.isUp();
    expect(agentStates(tandem)).toEqual({ carol: 'talking' });
    await alice.hangup();
  });

  test('lets a call that has waited in an earlier process keep its time', async ({ lab }) => {
    const { tandem, results } = await serveQueue(lab, {
      members: ['bob'],
      maxWait: 60_000,
      ringTime: 1000,
      retryAfter: 600_000,
    });
    await registered(lab, 'bob');
    await tandem.serveBackground(async (call) => {
      call.variables.set('queue_name', 'support');
      call.variables.set('queue_since', String(lab.clock.wallclock() - 50_000));
      results.push(await tandem.queue('support').enter(call));
      expect(call.variables.has('queue_since')).toBe(false);
    });
    const alice = lab.phone('alice');
    const begun = lab.clock.now();
    await alice.dial('queue');
    await alice.ends({ within: 30_000 });
    expect(lab.clock.now() - begun).toBeLessThan(11_000);
    expect(results).toEqual([{ end: 'timeout', waitedMs: 60_000 }]);
  });

  test('goes on without music that cannot be played', async ({ lab }) => {
    await serveQueue(lab, { members: ['bob'], music: 'prompts/none.wav' });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await lab.advance(2000);
    await bob.answer();
    await Promise.all([alice.speak(sine(440)), bob.hearsTone(440)]);
    await alice.hangup();
  });

  test('is closed with callers in it', async ({ lab }) => {
    const { tandem, results } = await serveQueue(lab, { members: ['bob'], wrapUp: 60_000 });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await bob.rings();
    await lab.run(tandem.close());
    await alice.ends();
    expect(results).toMatchObject([{ end: 'abandoned' }]);
  });

  test.for([
    [{ strategy: 'best' }, 'strategy is one of longest-idle'],
    [{ retryAfter: 0 }, 'retryAfter is milliseconds, 500 or more'],
    [{ announceEvery: 10 }, 'announceEvery is milliseconds, 1000 or more'],
    [{ maxCallers: 1.5 }, 'maxCallers is a whole number'],
    [{ exitKeys: 'x' }, 'exitKeys is made of the keys'],
    [{ whenEmpty: 'stay' }, 'whenEmpty is one of leave, wait'],
    [{ pauseAfterMissed: 0 }, 'pauseAfterMissed is a whole number from 1'],
    [{ maxWait: Number.NaN }, 'maxWait is milliseconds'],
    [{ members: undefined }, 'members is a list'],
  ] as const)('says what is wrong with %j', async ([options, message], { lab }) => {
    const tandem = lab.newTandem();
    expect(() => tandem.queue('support', { members: ['bob'], ...options } as never)).toThrow(message);
    expect(() => tandem.queue('support')).toThrow(/there is no queue "support"/);
  });
});
