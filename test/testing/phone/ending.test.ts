/** The end of a lab ends the calls of its phones in every state, and leaves nothing behind. */
import { describe } from 'vitest';
import type { DialogServerSession } from '../../../src/index.ts';
import { Lab, type Phone, sine } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';

const handlers: Readonly<Record<string, (call: DialogServerSession) => Promise<void>>> = {
  'says nothing': async (call) => void (await call.ended),
  rings: async (call) => {
    await call.ringing();
    await call.ended;
  },
  'plays early media': async (call) => {
    await call.progressMedia();
    await call.ringtone().play();
  },
  answers: async (call) => {
    await call.answer();
    await call.echo();
  },
  'holds the phone': async (call) => {
    await call.answer();
    await call.hold();
    await call.ended;
  },
  refuses: (call) => call.reject(486),
  'hangs up': async (call) => {
    await call.answer();
  },
};

/** What a phone has done by the end of the lab, other than to call. */
const phones: Readonly<Record<string, (alice: Phone, lab: Lab) => Promise<void> | void>> = {
  nothing: () => {},
  'is gone': (alice) => alice.vanish(),
  'acknowledges nothing': (alice) => alice.misbehave({ ack: 'never' }),
  'ignores everything': (alice) => alice.misbehave({ ignores: ['BYE', 'INVITE', 'CANCEL'] }),
  'sends everything late and twice': (alice) => alice.misbehave({ lateMs: 300, copies: 2 }),
  cancels: (alice) => {
    if (alice.call?.state === 'calling') void alice.cancel();
  },
  'hangs up': (alice) => void alice.call?.hangup(),
  'waits for what never comes': (alice) => void alice.receives('NOTIFY', { within: 1e9 }).catch(() => {}),
  'is in the middle of a word': async (alice) => {
    if (alice.call?.media.sends) await alice.speak(sine(440));
  },
};

describe.each(Object.entries(phones))('a phone that %s', (_, act) => {
  test.for(Object.entries(handlers))('and a server that %s', async ([, handler]) => {
    const lab = new Lab();
    await lab.serve(handler);
    for (const transport of ['udp', 'tcp'] as const) {
      const alice = lab.phone(`alice-${transport}`, { transport });
      alice.invite('1000');
      await lab.advance(20);
      await act(alice, lab);
      await lab.advance(5);
    }
    await lab.close();
    expect(lab.clock.pendingTimers()).toEqual([]);
  });
});

test('what is held back for long is not waited for', async () => {
  const lab = new Lab();
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  alice.misbehave({ lateMs: 90_000 });
  alice.invite(bob.uri);
  await lab.close();
  expect(lab.clock.pendingTimers()).toEqual([]);
});

test('a lab that is disposed of ends what its phones do', async () => {
  let lab: Lab | undefined;
  {
    await using used = new Lab();
    lab = used;
    const [alice, bob] = [used.phone('alice'), used.phone('bob')];
    bob.onCall = { answerAfterMs: 60_000 };
    alice.invite(bob.uri);
    await alice.receives(180);
  }
  expect(lab.clock.pendingTimers()).toEqual([]);
  expect(lab.network.hosts).toEqual([]);
});
