import { expect, it } from 'vitest';
import { type AskServer, MonitorSource } from '../../../src/cli/monitor/source.ts';
import { TandemError } from '../../../src/index.ts';

const fault = (code: number) => new TandemError('ERR_RPC', `${code}`, { facts: { fault: code } });
const statistics = (processed: number, active = 0) => ({
  'dialog.processed_dialogs': String(processed),
  'dialog.active_dialogs': String(active),
});

it('counts the calls of each second', async () => {
  let [now, processed] = [0, 0];
  const ask: AskServer = async (method) => (method === 'stats.fetch' ? statistics(processed) : []);
  const source = new MonitorSource(ask, () => now);
  expect((await source.look()).callsPerSecond).toBeUndefined();
  [now, processed] = [2_000, 5];
  expect((await source.look()).callsPerSecond).toBe(2.5);
  // Somebody has reset them.
  [now, processed] = [4_000, 1];
  expect((await source.look()).callsPerSecond).toBe(0);
});

it('shows the first calls when there are more than one answer carries', async () => {
  const asked: unknown[] = [];
  const ask: AskServer = async (method, args) => {
    asked.push([method, ...args]);
    if (method === 'dlg.list_ctx') throw fault(500);
    if (method === 'stats.fetch') return statistics(500, 500);
    return Array.from({ length: 60 }, () => ({ state: 4 }));
  };
  const { calls, hidden } = await new MonitorSource(ask, () => 0).look();
  expect([calls.length, hidden]).toEqual([60, 440]);
  expect(asked).toContainEqual(['dlg.list_match_ctx', 'callid', 're', '.', 60]);
});

it('has no calls when they are gone before they are listed', async () => {
  const ask: AskServer = async (method) => {
    if (method === 'stats.fetch') return statistics(0);
    throw fault(method === 'dlg.list_ctx' ? 500 : 404);
  };
  expect((await new MonitorSource(ask, () => 0).look()).calls).toEqual([]);
});

it('fails when nobody answers', async () => {
  const ask: AskServer = () => Promise.reject(new TandemError('ERR_CONTROL', 'nobody'));
  await expect(new MonitorSource(ask, () => 0).look()).rejects.toThrow('nobody');
});

it('ends a call by its numbers', async () => {
  const asked: unknown[] = [];
  const ask: AskServer = async (method, args) => {
    asked.push([method, ...args]);
    return {};
  };
  await new MonitorSource(ask, () => 0).end({ hEntry: 1573, hId: 8651 });
  expect(asked).toEqual([['dlg.end_dlg', 1573, 8651]]);
});
