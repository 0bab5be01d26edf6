/** One connection, without a network: who gets how much of a turn. */
import { expect, it } from 'vitest';
import { createCounters } from '../../src/sip/counters.ts';
import { TimerQueue } from '../../src/sip/transaction/timer-queue.ts';
import type { TransportListener } from '../../src/sip/transport/flow.ts';
import { defaultStreamLimits, StreamFlow } from '../../src/sip/transport/stream-flow.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { bytesOf, invite } from './messages.ts';

function connected() {
  const turns: (() => void)[] = [];
  const log: string[] = [];
  const frames: string[] = [];
  const listener: TransportListener = {
    transport: 'tcp',
    host: '127.0.0.1',
    port: 5060,
    externalHost: '127.0.0.1',
    externalPort: 5060,
    receiveBuffer: undefined,
    family: 4,
    advertise: () => ({ host: '127.0.0.1', port: 5060 }),
  };
  const flow = new StreamFlow(
    {
      timers: new TimerQueue(new FakeClock(), () => {}),
      counters: createCounters(),
      limits: defaultStreamLimits,
      nextTurn: (call) => turns.push(call),
      onFrame: (bytes) => frames.push(Buffer.from(bytes).toString()),
      onBroken: () => log.push('broken'),
      onFailed: () => log.push('failed'),
      onGone: () => log.push('gone'),
    },
    'tcp',
    listener,
    { address: '127.0.0.1', port: 40_000, name: '127.0.0.1' },
  );
  flow.attach({
    address: '127.0.0.1',
    port: 40_000,
    buffered: 0,
    write: () => {},
    pause: () => log.push('pause'),
    resume: () => log.push('resume'),
    end: () => log.push('end'),
    finish: () => log.push('finish'),
    destroy: () => log.push('destroy'),
  });
  return { flow, frames, log, turn: () => turns.shift()?.() };
}

it('takes so many messages in one turn, makes the peer wait, and goes on in the next', () => {
  const { flow, frames, log, turn } = connected();
  const one = invite();
  flow.onData(bytesOf(one.repeat(40) + one.slice(0, 50)));
  expect([frames.length, log]).toEqual([32, ['pause']]);
  // What was on its way already.
  flow.onData(bytesOf(one.slice(50) + one.repeat(30)));
  expect(frames).toHaveLength(32);
  turn();
  expect([frames.length, log]).toEqual([64, ['pause']]);
  turn();
  expect([frames.length, log]).toEqual([71, ['pause', 'resume']]);
  expect(new Set(frames)).toEqual(new Set([one]));
});

it('forgets what waits when it is gone', () => {
  const { flow, frames, log, turn } = connected();
  flow.onData(bytesOf(invite().repeat(40)));
  flow.destroy();
  turn();
  expect([frames.length, log]).toEqual([32, ['pause', 'destroy', 'gone']]);
});
