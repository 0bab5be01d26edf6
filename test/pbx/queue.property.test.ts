/** Queues under whatever callers and agents do, seed by seed. */
import { describe } from 'vitest';
import type { QueueStrategy } from '../../src/pbx/queue-options.ts';
import { queueStrategies } from '../../src/pbx/queue-options.ts';
import { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { register, registered, serveUsers } from './phones.ts';

const agents = ['bob', 'carol', 'dave'] as const;
const callers = 8;
const steps = 60;

async function run(seed: number): Promise<void> {
  await using lab = new Lab({ seed, network: seed % 3 === 2 ? { delayMs: 20, jitterMs: 15, loss: 0.03 } : {} });
  const random = lab.random('script');
  const below = (most: number): number => random.uint32() % most;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;

  const tandem = await serveUsers(lab, async (call, house) => {
    await house.queue(call.toUser ?? '').enter(call, { priority: below(2) });
  });
  const names = ['support', 'sales'];
  const busy = new Map<string, string>();
  const inside = new Set<string>();
  const wrong: string[] = [];
  for (const name of names) {
    tandem.queue(name, {
      members: agents,
      strategy: pick<QueueStrategy>(queueStrategies),
      ringTime: 1000 + below(5000),
      retryAfter: 500 + below(3000),
      wrapUp: below(2) * below(3000),
      announceEvery: below(2) * 1000,
      exitKeys: '#',
      maxCallers: 5,
      ...(below(2) === 0 ? { maxWait: 1000 + below(20_000) } : {}),
      ...(below(2) === 0 ? { whenEmpty: 'wait' as const } : {}),
    });
  }
  const { observer } = tandem;
  observer.on('queue:entered', ({ sessionId }) => {
    if (inside.has(sessionId)) wrong.push('entered twice');
    inside.add(sessionId);
  });
  observer.on('queue:answered', ({ agent, sessionId }) => {
    if (busy.has(agent)) wrong.push(`${agent} talks with two`);
    busy.set(agent, sessionId);
  });
  observer.on('queue:left', ({ sessionId, end, agent }) => {
    if (agent !== undefined && busy.get(agent) === sessionId) busy.delete(agent);
    if (end !== 'full' && end !== 'no-agents' && !inside.delete(sessionId)) wrong.push(`left twice: ${end}`);
    inside.delete(sessionId);
  });

  const desks = await registered(lab, ...agents);
  const phones = Array.from({ length: callers }, (_, i) => lab.phone(`caller${i}`));
  for (let step = 0; step < steps; step++) {
    const desk = pick(desks);
    const phone = pick(phones);
    switch (below(9)) {
      case 0:
        desk.onCall = { reject: pick([486, 603, 480, 404]) };
        break;
      case 1:
        desk.onCall = {};
        break;
      case 2:
        await register(desk, below(2) * 3600);
        break;
      case 3:
        tandem.queue(pick(names))[below(2) === 0 ? 'pause' : 'resume'](desk.name);
        break;
      case 4:
        if (phone.call?.state === 'up') await phone.press('#');
        break;
      case 5:
        if (desk.call && desk.call.state !== 'over') await desk.hangup();
        break;
      case 6:
        if (phone.call && phone.call.state !== 'over') await phone.hangup();
        break;
      default:
        desk.onCall = { answerAfterMs: below(2000) };
        if (!phone.call || phone.call.state === 'over') phone.invite(pick(names));
    }
    // Nobody rings for two, whatever the queue.
    const ringing = names.flatMap((name) => tandem.queue(name).state.callers.flatMap((caller) => caller.ringing));
    if (new Set(ringing).size < ringing.length) wrong.push(`rings for two: ${ringing}`);
    for (const name of names) {
      const { callers: waiting } = tandem.queue(name).state;
      if (waiting.some(({ position }, i) => position !== i + 1)) wrong.push('positions');
      if (waiting.some((one, i) => one.priority < (waiting[i + 1]?.priority ?? 0))) wrong.push('priorities');
    }
    await lab.advance(below(1500));
  }
  for (const phone of phones) if (phone.call && phone.call.state !== 'over') await phone.hangup();
  await lab.advance(30_000);
  expect([seed, wrong]).toEqual([seed, []]);
  expect(inside.size).toBe(0);
  for (const name of names) expect(tandem.queue(name).state.callers).toEqual([]);
  await lab.run(tandem.close());
}

describe('queues', () => {
  test.for(
    Array.from({ length: 30 }, (_, seed) => seed),
  )('keep their word whatever happens (seed %i)', async (seed) => {
    await run(seed);
  });
});
