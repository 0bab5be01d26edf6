import { describe } from 'vitest';
import { createLogger, type Logger } from '../../src/base/log.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { EndCause } from '../../src/session/errors.ts';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** A Tandem that nobody calls, and a phone that answers at once. */
async function calling(lab: Lab): Promise<{ readonly tandem: Tandem; readonly bob: Phone }> {
  const tandem = await lab.serve(() => {});
  const bob = lab.phone('bob');
  bob.onCall = { ring: false, answerAfterMs: 0 };
  return { tandem, bob };
}

async function isTakenAndHungUp(phone: Phone): Promise<void> {
  await phone.receives('ACK');
  await phone.receives('BYE');
}

describe('an outgoing call that is given up as its answer comes', () => {
  test('is ACKed and hung up when onResponse hangs up', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    const call = await lab.run(tandem.newDialog(bob.uri));
    const invited = call.invite({ onResponse: () => void call.hangup() });
    await expect(lab.run(invited)).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    await isTakenAndHungUp(bob);
  });

  test('is ACKed and hung up when onResponse throws', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    const onResponse = (): never => {
      throw new Error('listener');
    };
    await expect(lab.run(tandem.invite(bob.uri, { onResponse }))).rejects.toThrow('listener');
    await isTakenAndHungUp(bob);
  });

  test('is ACKed and hung up when its signal is aborted in the turn of the answer', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    const abort = new AbortController();
    const onResponse = (): void => abort.abort(new Error('enough'));
    await expect(lab.run(tandem.invite(bob.uri, { signal: abort.signal, onResponse }))).rejects.toThrow('enough');
    await isTakenAndHungUp(bob);
  });

  test('is ACKed and hung up when its signal is aborted right behind the answer', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    const abort = new AbortController();
    const onResponse = (): void => queueMicrotask(() => abort.abort(new Error('enough')));
    await expect(lab.run(tandem.invite(bob.uri, { signal: abort.signal, onResponse }))).rejects.toThrow('enough');
    await isTakenAndHungUp(bob);
  });
});

describe('the options of newDialog', () => {
  test('count for invite: earlyMedia, and a signal that is aborted already', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    bob.onCall = { early: true };
    const early = await lab.run(tandem.newDialog(bob.uri, { earlyMedia: true }));
    expect(await lab.run(early.invite())).toBe('early');
    const late = await lab.run(tandem.newDialog(bob.uri, { signal: AbortSignal.abort(new Error('enough')) }));
    await expect(lab.run(late.invite())).rejects.toThrow('enough');
    await lab.run(Promise.all([early.close(), late.close()]));
  });
});

describe('a fork', () => {
  test('leaves nothing behind when one of its URIs cannot be called', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    await expect(lab.run(tandem.invite([bob.uri, 'not a uri']))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });

  test('in sequence leaves nothing behind when it is aborted at the first', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    bob.onCall = {};
    const second = lab.phone('second');
    const abort = new AbortController();
    const invited = tandem.invite([bob.uri, second.uri], {
      strategy: 'sequence',
      signal: abort.signal,
      onResponse: () => abort.abort(new Error('enough')),
    });
    await expect(lab.run(invited)).rejects.toThrow('enough');
    await bob.ends();
    expect(second.received).toEqual([]);
  });

  test('in sequence tries nobody else after a 6xx', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    bob.onCall = { reject: 603 };
    const second = lab.phone('second');
    const invited = tandem.invite([bob.uri, second.uri], { strategy: 'sequence' });
    await expect(lab.run(invited)).rejects.toMatchObject({ status: 603 });
    expect(second.received).toEqual([]);
  });

  test('takes one answer when all answer at once, and hangs up the others', async ({ lab }) => {
    const { tandem } = await calling(lab);
    const phones = [1, 2, 3].map(() => lab.phone());
    for (const phone of phones) phone.onCall = { ring: false, answerAfterMs: 0 };
    const call = await lab.run(tandem.invite(phones.map(({ uri }) => uri)));
    await lab.advance(1_000);
    expect((await tandem.check()).calls).toBe(1);
    expect(phones.filter((phone) => phone.call?.state === 'up')).toHaveLength(1);
    await lab.run(call.close());
  });
});

describe('headers that cannot be sent', () => {
  const injection = { code: 'ERR_HEADER_INJECTION' };

  test('leave a call that can still be answered', async ({ lab }) => {
    const errors: unknown[] = [];
    await lab.serve(async (call) => {
      await call.reject(486, 'Busy\r\nX: y').catch((error: unknown) => errors.push(error));
      await call.answer({ headers: [['X', 'a\r\nb']] }).catch((error: unknown) => errors.push(error));
      await call.reject(404);
    });
    const alice = lab.phone('alice');
    const call = alice.invite('1000');
    await alice.ends();
    expect(call.status).toBe(404);
    expect(errors).toMatchObject([injection, injection]);
  });

  test('do not keep a call from being hung up', async ({ lab }) => {
    const errors: unknown[] = [];
    await lab.serve(async (call) => {
      await call.answer();
      await call.hangup({ headers: [['X', 'a\r\nb']] }).catch((error: unknown) => errors.push(error));
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.ends();
    expect(errors).toMatchObject([injection]);
  });

  test('are not made of a reason in several lines', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await call.hangup({ reason: 'line one\nline "two"' });
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect((await alice.ends())?.header('reason')).toBe('SIP;cause=200;text="line one line  two "');
  });
});

describe('serve', () => {
  test('ends when its signal is aborted while it opens', async ({ lab }) => {
    const tandem = lab.newTandem();
    const abort = new AbortController();
    const served = tandem.serve(() => {}, { signal: abort.signal });
    abort.abort();
    await lab.run(served);
    await expect(tandem.open()).rejects.toMatchObject({ code: 'ERR_STATE' });
  });
});

describe('invite with early media', () => {
  test('returns before the answer', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    bob.onCall = { early: true, answerAfterMs: 1_000 };
    const call = await lab.run(tandem.invite(bob.uri, { earlyMedia: true }));
    expect(call.state).toBe('early');
    await lab.run(call.waitAnswer());
    await call.ack();
    expect(call.state).toBe('confirmed');
    await lab.run(call.close());
  });

  test('takes one URI', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    const invited = tandem.invite([bob.uri, 'sip:b@10.0.1.9'], { earlyMedia: true });
    await expect(lab.run(invited)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('a call', () => {
  test('that is hung up before its answer by BYE says so', async ({ lab }) => {
    const { promise: cause, resolve } = Promise.withResolvers<EndCause>();
    await lab.serve(async (call) => {
      await call.ringing();
      resolve(await call.ended);
    });
    const alice = lab.phone('alice');
    const call = alice.invite('1000');
    await alice.receives(180);
    expect((await alice.request('BYE')).status).toBe(200);
    await alice.ends();
    expect(call.status).toBe(487);
    expect(await cause).toMatchObject({ by: 'remote', method: 'BYE' });
  });

  test('that is over enters no profile any more', async ({ lab }) => {
    const { promise: over, resolve } = Promise.withResolvers<[DialogServerSession, boolean]>();
    const handler = async (call: DialogServerSession): Promise<void> => {
      await call.answer();
      await call.ended;
      call.profiles.set('late');
      resolve([call, call.profiles.limit('late', '', 5)]);
    };
    await lab.serve(handler, { registry: { profilesNoValue: ['late'] } });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hangup();
    const [call, entered] = await lab.run(over);
    expect(entered).toBe(false);
    expect(call.profiles.size('late')).toBe(0);
  });

  test('that is over starts no audio, and its handler ends without a word in the log', async ({ lab }) => {
    const { promise: thrown, resolve } = Promise.withResolvers<unknown>();
    const rethrow = (error: unknown): never => {
      resolve(error);
      throw error;
    };
    const warnings: string[] = [];
    const logger = { ...createLogger('silent'), warn: (_: object, text: string) => warnings.push(text) };
    const log: Logger = Object.assign(logger, { child: () => log });
    await lab.serve(
      async (call) => {
        await call.answer();
        for (;;) await call.playback().play(new Uint8Array(160), '').catch(rethrow);
      },
      { logger: log },
    );
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.advance(1_000);
    expect(alice.audio.end).toBeGreaterThan(0);
    await alice.hangup();
    expect(await lab.run(thrown)).toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    expect(warnings).toEqual([]);
  });

  test('lets go of hold() at once when it ends meanwhile', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    const call = await lab.run(tandem.invite(bob.uri));
    await bob.receives('ACK');
    bob.misbehave({ ignores: ['INVITE'] });
    const held = call.hold();
    await bob.receives('INVITE');
    await bob.hangup();
    await expect(held).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
  });

  test('is not bridged with itself', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await lab.serve(async (call, tandem) => {
      await call.answer();
      await tandem.bridge(call, call).catch(resolve);
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(await lab.run(promise)).toMatchObject({ code: 'ERR_ARGUMENT' });
    await alice.ends();
  });

  test('is held and taken back in the order asked for, whoever waits', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    const call = await lab.run(tandem.invite(bob.uri));
    await bob.receives('ACK');
    const held = call.hold();
    const back = call.unhold();
    const offered = async () => /a=(send\w+)/.exec((await bob.receives('INVITE')).body)?.[1];
    expect(await offered()).toBe('sendonly');
    await lab.run(held);
    expect(call.media.audio?.direction).toBe('sendonly');
    expect(await offered()).toBe('sendrecv');
    await lab.run(back);
    expect(call.media.audio?.direction).toBe('sendrecv');
    await lab.run(call.close());
  });

  test('bridges early media with inviteBridge, then waits for the answer', async ({ lab }) => {
    const { tandem, bob } = await calling(lab);
    const carol = lab.phone('carol');
    carol.onCall = { early: true, answerAfterMs: 1_000 };
    const a = await lab.run(tandem.invite(bob.uri));
    await using bridge = tandem.bridge();
    bridge.add(a);
    const b = await lab.run(tandem.inviteBridge(carol.uri, bridge, { earlyMedia: true }));
    expect(b.state).toBe('confirmed');
    await lab.run(Promise.all([a.close(), b.close()]));
  });
});
