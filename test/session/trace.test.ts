/** Which calls of a Tandem leave a trace. */
import { describe } from 'vitest';
import { formatTrace } from '../../src/index.ts';
import { expect, test } from '../helpers/lab.ts';

describe('after its end', () => {
  test('a call that was refused has a trace, with every message', async ({ lab }) => {
    let callId = '';
    const tandem = await lab.serve(async (call) => {
      callId = call.callId;
      await call.reject(486);
    });
    const call = lab.phone().invite('1000');
    await lab.run(call.settled);
    await lab.clock.advance(10);
    expect(
      formatTrace(tandem.trace(callId))
        .replaceAll(/.* (?=(INVITE|486|ACK) )/g, '')
        .split('\n'),
    ).toEqual([
      expect.stringMatching(/^INVITE .*/),
      expect.stringMatching(/^486 .*/),
      expect.stringMatching(/^ACK .*/),
    ]);
  });

  test('a call that ended well has none, but had one while it was up', async ({ lab }) => {
    const counts: number[] = [];
    let callId = '';
    const tandem = await lab.serve(async (call) => {
      callId = call.callId;
      await call.answer();
      counts.push(tandem.trace(callId).length);
    });
    const phone = lab.phone();
    await phone.dial('1000');
    await phone.ends();
    await lab.clock.advance(1000);
    expect(counts).toEqual([3]);
    expect(tandem.trace(callId)).toEqual([]);
  });

  test('a call whose peer is gone has one', async ({ lab }) => {
    let callId = '';
    const tandem = await lab.serve(async (call) => {
      callId = call.callId;
      await call.answer();
      await tandem.sleep(1000);
      await call.reInvite();
    });
    const phone = lab.phone();
    await phone.dial('1000');
    phone.vanish();
    await lab.clock.advance(120_000);
    const messages = tandem.trace(callId);
    expect(messages.filter(({ text }) => text.startsWith('INVITE')).length).toBeGreaterThan(5);
  });

  test('the leg that failed has one, and the call that went on has not', async ({ lab }) => {
    let [a, b] = ['', ''];
    const bob = lab.phone('bob');
    bob.onCall = { reject: 503 };
    const tandem = await lab.serve(async (call) => {
      a = call.callId;
      await call.answer();
      await call.invite(bob.uri).catch(() => {});
    });
    tandem.observer.on('call:created', ({ callId, direction }) => {
      if (direction === 'outbound') b = callId;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.ends();
    await lab.clock.advance(1000);
    expect([tandem.trace(a).length, tandem.trace(b).length > 0]).toEqual([0, true]);
  });
});
