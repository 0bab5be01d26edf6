import { describe } from 'vitest';
import type { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** The final status of a call to `user`. */
async function statusOf(lab: Lab, user = '1000', sdp?: string): Promise<number | undefined> {
  const phone = lab.phone();
  const call = phone.invite(user, sdp === undefined ? {} : { sdp });
  await lab.run(call.settled);
  return call.status;
}

describe('an incoming call', () => {
  test('rings, is answered with SDP, and is hung up when the handler returns', async ({ lab }) => {
    const seen: unknown[] = [];
    await lab.serve(async (call) => {
      void call.ended.then(({ by }) => seen.push(by));
      await call.ringing();
      await call.answer();
      seen.push(call.state, call.fromUser, call.toUser, call.transport);
    });
    const alice = lab.phone('alice', { codecs: ['PCMU', 'telephone-event'] });
    alice.invite('1000');
    await alice.receives(180);
    const answer = await alice.receives(200);
    expect(answer.header('content-type')).toBe('application/sdp');
    expect(answer.body).toMatch(/m=audio \d+ RTP\/AVP 0 101\r\n/);
    expect((await alice.ends())?.what).toBe('BYE');
    expect(seen).toEqual(['confirmed', 'alice', '1000', 'udp', 'local']);
  });

  test('gets 480 when the handler returns without an answer', async ({ lab }) => {
    await lab.serve(() => {});
    expect(await statusOf(lab)).toBe(480);
  });

  test('is refused also where the reason to hang it up has line breaks', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.ringing();
      await call.hangup({ reason: 'two\r\nX-Lines: 1' });
    });
    const alice = lab.phone('alice');
    alice.invite('1000');
    const refused = await alice.receives(480);
    expect([refused.reason, refused.header('x-lines')]).toEqual(['two X-Lines: 1', '']);
  });

  test('gets 500 with a Reason when the handler throws, and the next call is served', async ({ lab }) => {
    let calls = 0;
    await lab.serve(async (call) => {
      if (++calls === 1) throw new Error('boom');
      await call.answer();
    });
    const alice = lab.phone('alice');
    alice.invite('1000');
    const refused = await alice.receives(500);
    expect(refused.header('reason')).toContain('boom');
    const bob = lab.phone('bob');
    await bob.dial('1000');
    await bob.ends();
  });

  test('gets the status of a thrown error that has one', async ({ lab }) => {
    await lab.serve(() => {
      throw Object.assign(new Error('not now'), { status: 603 });
    });
    expect(await statusOf(lab)).toBe(603);
  });

  test('gets BYE when the handler throws after the answer', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      throw new Error('later');
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect((await alice.ends())?.what).toBe('BYE');
  });

  test('is rejected and redirected by choice', async ({ lab }) => {
    await lab.serve((call) => (call.toUser === 'busy' ? call.reject(486) : call.redirect('sip:other@127.0.0.1:5070')));
    expect(await statusOf(lab, 'busy')).toBe(486);
    const alice = lab.phone('alice');
    alice.invite('moved');
    expect((await alice.receives(302)).header('contact')).toBe('<sip:other@127.0.0.1:5070>');
  });

  test('ends with 487 when it is cancelled while it rings, and the handler is told', async ({ lab }) => {
    const { promise: told, resolve } = Promise.withResolvers<unknown[]>();
    await lab.serve(async (call) => {
      await call.ringing();
      const cause = await call.ended;
      const answered = await call.answer().catch((error: unknown) => error);
      resolve([cause, answered]);
    });
    const alice = lab.phone('alice');
    const call = alice.invite('1000');
    await alice.receives(180);
    await alice.cancel();
    expect(call.status).toBe(487);
    expect(await told).toMatchObject([{ by: 'remote', method: 'CANCEL' }, { code: 'ERR_DIALOG_ENDED' }]);
  });

  test('is answered when it offers late, with our offer and its answer in the ACK', async ({ lab }) => {
    const { promise: codec, resolve } = Promise.withResolvers<string | undefined>();
    await lab.serve(async (call) => {
      await call.answer();
      resolve(call.media.audio?.codec.name);
    });
    const alice = lab.phone('alice', { codecs: ['PCMA', 'telephone-event'] });
    alice.invite('1000', { sdp: null });
    expect((await alice.receives(200)).body).toMatch(/^m=audio \d+ RTP\/AVP /m);
    expect(await lab.run(codec)).toBe('PCMA');
    await alice.ends();
  });

  test('gets 488 when no codec is common', async ({ lab }) => {
    await lab.serve((call) => call.answer());
    const alice = lab.phone('alice', { codecs: ['G729'] });
    const call = alice.invite('1000');
    await lab.run(call.settled);
    expect(call.status).toBe(488);
  });

  test('hears early media, then the same session is answered', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.progressMedia();
      await call.playback().play(new URL('../../prompts/goodbye.wav', import.meta.url));
      await call.answer();
    });
    const alice = lab.phone('alice');
    alice.invite('1000');
    const early = await alice.receives(183);
    expect(early.body).toContain('m=audio');
    await alice.hears('goodbye.wav');
    const answer = await alice.receives(200);
    expect(answer.body).toBe(early.body);
    await alice.ends();
  });

  test('lets gather end with the call', async ({ lab }) => {
    const { promise: error, resolve } = Promise.withResolvers<unknown>();
    await lab.serve(async (call) => {
      await call.answer();
      await call.gather({ timeout: 60_000 }).catch(resolve);
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hangup();
    expect(await lab.run(error)).toMatchObject({ code: 'ERR_DIALOG_ENDED' });
  });

  test('is put on hold by a re-INVITE and taken back', async ({ lab }) => {
    const directions: (string | undefined)[] = [];
    await lab.serve(async (call) => {
      await call.answer();
      for await (const _ of call.dtmf()) directions.push(call.media.audio?.direction);
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    for (const direction of ['sendonly', 'sendrecv'] as const) {
      const answer = await alice.reInvite({ direction });
      expect(answer.status).toBe(200);
      expect(answer.body).toContain(direction === 'sendonly' ? 'a=recvonly' : 'a=sendrecv');
      await alice.press('1');
    }
    await alice.hangup();
    expect(directions).toEqual(['recvonly', 'sendrecv']);
  });

  test('keeps its session when a re-INVITE has no usable codec', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await call.echo();
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect((await alice.reInvite({ codecs: ['G729'] })).status).toBe(488);
    await alice.say('goodbye.wav');
    await alice.hears('goodbye.wav');
    await alice.hangup();
  });
});
