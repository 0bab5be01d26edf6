import { describe } from 'vitest';
import { logCalls } from '../../src/cli/call-log.ts';
import type { RegistryOptions } from '../../src/index.ts';
import type { Lab, LabHandler } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';

async function serve(lab: Lab, handler: LabHandler, registry: RegistryOptions = {}) {
  const tandem = await lab.serve(handler, { registry });
  const { logger, lines } = memoryLogger();
  return { tandem, lines, stop: logCalls(tandem.registry, logger) };
}

const ends = (call: { readonly ended: Promise<unknown> }) => call.ended;

describe('the log of calls', () => {
  test('has a line at the INVITE and one at the end', async ({ lab }) => {
    const { lines, tandem } = await serve(lab, async (call) => {
      await call.answer();
      await ends(call);
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    const callId = [...tandem.registry][0]?.callId;
    await lab.advance(5_000);
    await alice.hangup();
    await lab.advance(1_000);
    const facts = {
      callId,
      from: 'sip:alice@10.0.1.1',
      to: 'sip:1000@10.0.0.1',
      direction: 'inbound',
    };
    expect(lines).toEqual([
      { level: 'info', message: 'INVITE: a call begins', fields: facts },
      {
        level: 'info',
        message: 'call ended',
        fields: expect.objectContaining({ ...facts, endedBy: 'caller', cause: 'remote', duration: 5 }),
      },
    ]);
  });

  test('has one line for the end of a call that was refused, with the status', async ({ lab }) => {
    const { lines } = await serve(lab, (call) => call.reject(486, 'Too Many Calls'));
    const alice = lab.phone('alice');
    alice.invite('1000');
    await alice.ends();
    await lab.advance(1_000);
    expect(lines.map(({ message }) => message)).toEqual(['INVITE: a call begins', 'call ended']);
    expect(lines[1]?.fields).toMatchObject({ endedBy: 'local', cause: 'local', status: 486, duration: 0 });
  });

  test('has one line for a call with two legs', async ({ lab }) => {
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    const { lines } = await serve(lab, async (call, tandem) => {
      const leg = await call.invite('sip:bob@10.0.1.1');
      await using bridge = await tandem.bridge(call, leg);
      await bridge.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(2_000);
    await bob.hangup();
    await lab.advance(1_000);
    expect(lines.map(({ message }) => message)).toEqual(['INVITE: a call begins', 'call ended']);
    expect(lines[1]?.fields).toMatchObject({ endedBy: 'callee', duration: 2 });
  });

  test('says that a call is no longer followed, and nothing when it ends then', async ({ lab }) => {
    const { lines } = await serve(
      lab,
      async (call) => {
        await call.answer();
        await ends(call);
      },
      { sendBye: false, defaultTimeout: 3 },
    );
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(5_000);
    expect(lines[1]?.fields).toMatchObject({ cause: 'timeout' });
    await alice.hangup();
    await lab.advance(1_000);
    expect(lines).toHaveLength(2);
  });

  test('ends when it is told to', async ({ lab }) => {
    const { lines, stop } = await serve(lab, (call) => call.reject(404));
    stop();
    const alice = lab.phone('alice');
    alice.invite('1000');
    await alice.ends();
    expect(lines).toEqual([]);
  });
});
