import { describe, expect, it } from 'vitest';
import { InviteBacklog } from '../../src/sip/invite-backlog.ts';
import type { InviteServer } from '../../src/sip/invite-server.ts';
import { FakeClock } from '../../src/testing/index.ts';

function backlog() {
  const clock = new FakeClock();
  const seen: string[] = [];
  const begun: number[] = [];
  const queue = new InviteBacklog(clock, (invite) => {
    const { n } = invite as unknown as { n: number };
    begun.push(n);
    seen.push(`begin ${n}`);
  });
  const add = (n: number, address = '192.0.2.1') => {
    const flow = { address };
    const invite = { n, flow, cancelled: false, provisional: (status: number) => seen.push(`${status} ${n}`) };
    queue.add(invite as unknown as InviteServer);
    return invite;
  };
  return { clock, queue, add, seen, begun };
}

describe('InviteBacklog', () => {
  it('begins a few at once, without 100', () => {
    const { add, seen } = backlog();
    for (let n = 0; n < 8; n++) add(n);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((n) => `begin ${n}`));
  });

  it('says 100 to everybody in a burst before it begins more calls, then begins all of them in order', async () => {
    const { clock, add, seen, begun } = backlog();
    for (let n = 0; n < 500; n++) add(n);
    expect(seen.filter((line) => line.startsWith('100')).length).toBe(492);
    expect(begun.length).toBe(8);
    for (let turn = 0; begun.length < 500; turn++) {
      expect(turn).toBeLessThan(500);
      await clock.advance(1);
    }
    expect(begun).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(clock.pending).toBe(0);
  });

  it('goes on beginning calls, however long the burst lasts', async () => {
    const { clock, add, begun } = backlog();
    for (let turn = 0, n = 0; turn < 400; turn++) {
      for (let i = 0; i < 20; i++) add(n++);
      await clock.advance(1);
    }
    expect(begun.length).toBeGreaterThan(100);
  });

  it('lets sources take turns: one call does not wait behind hundreds of another', async () => {
    const { clock, add, begun } = backlog();
    for (let n = 0; n < 500; n++) add(n);
    for (let n = 1000; n < 1003; n++) add(n, '192.0.2.2');
    await clock.advance(1000);
    expect(begun.slice(8, 16)).toEqual([8, 1000, 9, 1001, 10, 1002, 11, 12]);
    expect(begun).toHaveLength(503);
  });

  it('never begins what was cancelled while it waited', async () => {
    const { clock, add, begun } = backlog();
    const invites = Array.from({ length: 20 }, (_, n) => add(n));
    for (const invite of invites.slice(10)) invite.cancelled = true;
    await clock.advance(1000);
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('leaves no timer when closed', () => {
    const { clock, queue, add } = backlog();
    for (let n = 0; n < 20; n++) add(n);
    queue.close();
    expect(clock.pending).toBe(0);
  });
});
