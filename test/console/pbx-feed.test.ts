import { describe, expect, it } from 'vitest';
import { Observer } from '../../src/base/events.ts';
import { PbxFeed } from '../../src/console/pbx-feed.ts';
import type { ServerMessage } from '../../src/console/protocol.ts';
import type { WatchedMailbox, WatchedQueue } from '../../src/console/subject.ts';
import type { TandemEvents } from '../../src/session/events.ts';
import { FakeClock } from '../../src/testing/index.ts';

type PbxMessage = Extract<ServerMessage, { type: 'pbx' }>;

function house() {
  const clock = new FakeClock();
  const observer = new Observer<TandemEvents>((_, error) => {
    throw error;
  });
  const callers: WatchedQueue['state']['callers'][number][] = [];
  const left = { answered: 3, timeout: 0, full: 0, 'no-agents': 0, abandoned: 1, key: 0 };
  const queue: WatchedQueue = {
    name: 'sales',
    state: { callers, agents: [{ name: '5001', state: 'idle', taken: 2, missed: 1 }], left },
  };
  const counts = { new: 0, saved: 0 };
  const box: WatchedMailbox = {
    ...{ name: '5001', counts },
    messages: async () => {
      await Promise.resolve();
      counts.new = 2;
      return [];
    },
    read: () => Promise.reject(new Error('not asked')),
  };
  const subject = { observer, queues: [] as WatchedQueue[], mailboxes: [] as WatchedMailbox[] };
  const feed = new PbxFeed(subject, clock);
  const wait = (waitedMs: number, position: number): void =>
    void callers.push({
      ...{ callId: `call-${position}`, sessionId: `s-${position}`, fromUser: undefined, position },
      ...{ priority: 0, waitedMs, ringing: ['5001'] },
    });
  const agentChanged = (): void =>
    observer.emit('queue:agent', { queue: 'sales', agent: '5001', state: 'paused', at: 0 });
  const next = (): PbxMessage | undefined => {
    const text = feed.next();
    return text === undefined ? undefined : (JSON.parse(text) as PbxMessage);
  };
  return { clock, subject, feed, queue, box, wait, agentChanged, next };
}

describe('queues and mailboxes', () => {
  it('are not spoken of where there are none', () => {
    const { feed } = house();
    expect([feed.all(), feed.next()]).toEqual([undefined, undefined]);
  });

  it('are told of with who waits since when, and when one more is made', () => {
    const { clock, subject, feed, queue, wait, next } = house();
    wait(61_000, 1);
    subject.queues.push(queue);
    const since = Math.round(clock.wallclock()) - 61_000;
    expect(next()?.queues).toEqual([
      {
        ...{ name: 'sales', waiting: 1, left: queue.state.left },
        callers: [{ sessionId: 's-1', callId: 'call-1', from: '', position: 1, priority: 0, since, ringing: ['5001'] }],
        agents: [{ name: '5001', state: 'idle', taken: 2, missed: 1 }],
      },
    ]);
    expect(feed.next()).toBeUndefined();
  });

  it('are told of again when something happened, and not too often', async () => {
    const { clock, subject, queue, agentChanged, next } = house();
    subject.queues.push(queue);
    expect(next()).toBeDefined();
    agentChanged();
    agentChanged();
    await clock.advance(100);
    expect(next()).toBeUndefined();
    await clock.advance(200);
    expect(next()).toBeDefined();
    await clock.advance(300);
    expect(next()).toBeUndefined();
  });

  it('of very many callers the first are told, and how many there are', () => {
    const { subject, queue, wait, next } = house();
    for (let i = 1; i <= 5_000; i += 1) wait(i, i);
    subject.queues.push(queue);
    const [told] = next()?.queues ?? [];
    expect([told?.callers.length, told?.waiting, told?.callers[0]?.callId]).toEqual([200, 5_000, 'call-1']);
  });

  it('count the messages of a mailbox as soon as somebody looks', async () => {
    const { clock, subject, feed, box, next } = house();
    subject.mailboxes.push(box);
    expect(JSON.parse(feed.all() ?? '')).toMatchObject({ mailboxes: [{ name: '5001', new: 0, saved: 0 }] });
    await clock.advance(300);
    expect(next()?.mailboxes).toEqual([{ name: '5001', new: 2, saved: 0 }]);
  });

  it('are no more listened to after the end', async () => {
    const { clock, subject, feed, queue, agentChanged, next } = house();
    subject.queues.push(queue);
    next();
    feed.close();
    feed.close();
    agentChanged();
    await clock.advance(300);
    expect(next()).toBeUndefined();
  });
});
