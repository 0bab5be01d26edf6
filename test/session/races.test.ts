import { describe, expect, it } from 'vitest';
import { createLogger, type Logger } from '../../src/base/log.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { EndCause } from '../../src/session/errors.ts';
import { first, RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem } from '../helpers/tandem.ts';

const target = (phone: RawPhone): string => `sip:b@127.0.0.1:${phone.sipPort}`;

describe('an outgoing call that is given up as its answer comes', () => {
  it('is ACKed and hung up when onResponse hangs up', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    const call = await server.tandem.newDialog(target(phone));
    const invited = call.invite({ onResponse: () => void call.hangup() });
    await expect(invited).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    await phone.nextRequest('ACK');
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('is ACKed and hung up when onResponse throws', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    const invited = server.tandem.invite(target(phone), {
      onResponse: () => {
        throw new Error('listener');
      },
    });
    await expect(invited).rejects.toThrow('listener');
    await phone.nextRequest('ACK');
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('is ACKed and hung up when its signal is aborted in the turn of the answer', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    const abort = new AbortController();
    server.tandem.observer.setFirst((name) => {
      // Before the answer reaches the session.
      if (name === 'sip:response') abort.abort(new Error('enough'));
    });
    await expect(server.tandem.invite(target(phone), { signal: abort.signal })).rejects.toThrow('enough');
    await phone.nextRequest('ACK');
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('is ACKed and hung up when its signal is aborted right behind the answer', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    const abort = new AbortController();
    server.tandem.observer.setFirst((name) => {
      if (name === 'sip:response') queueMicrotask(() => abort.abort(new Error('enough')));
    });
    await expect(server.tandem.invite(target(phone), { signal: abort.signal })).rejects.toThrow('enough');
    await phone.nextRequest('ACK');
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });
});

describe('the options of newDialog', () => {
  it('count for invite: earlyMedia, and a signal that is aborted already', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    phone.plan = { provisional: [{ status: '183 Session Progress', sdp: true }] };
    await using early = await server.tandem.newDialog(target(phone), { earlyMedia: true });
    expect(await early.invite()).toBe('early');
    const signal = AbortSignal.abort(new Error('enough'));
    await using late = await server.tandem.newDialog(target(phone), { signal });
    await expect(late.invite()).rejects.toThrow('enough');
  });
});

describe('a fork', () => {
  it('leaves nothing behind when one of its URIs cannot be called', async () => {
    await using server = await openTandem();
    const invited = server.tandem.invite(['sip:a@127.0.0.1:9', 'not a uri']);
    await expect(invited).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    await expectIdle(server.tandem);
  });

  it('in sequence leaves nothing behind when it is aborted at the first', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    phone.plan = { provisional: [{ status: '180 Ringing' }] };
    const abort = new AbortController();
    const invited = server.tandem.invite([target(phone), 'sip:second@127.0.0.1:9'], {
      strategy: 'sequence',
      signal: abort.signal,
      onResponse: () => abort.abort(new Error('enough')),
    });
    await expect(invited).rejects.toThrow('enough');
    await expectIdle(server.tandem);
  });

  it('in sequence tries nobody else after a 6xx', async () => {
    await using server = await openTandem();
    using one = await RawPhone.open();
    using two = await RawPhone.open();
    one.plan = { final: '603 Decline' };
    const invited = server.tandem.invite([target(one), target(two)], { strategy: 'sequence' });
    await expect(invited).rejects.toMatchObject({ status: 603 });
    expect(two.received).toEqual([]);
    await expectIdle(server.tandem);
  });

  it('takes one answer when all answer at once, and hangs up the others', async () => {
    await using server = await openTandem();
    const phones = await Promise.all([1, 2, 3].map(() => RawPhone.open()));
    const call = await server.tandem.invite(phones.map(target));
    await expect.poll(async () => (await server.tandem.check()).calls).toBe(1);
    await call.close();
    for (const phone of phones) phone.close();
    await expectIdle(server.tandem);
  });
});

describe('headers that cannot be sent', () => {
  it('leave a call that can still be answered', async () => {
    await using server = await openTandem(async (call) => {
      await expect(call.reject(486, 'Busy\r\nX: y')).rejects.toMatchObject({ code: 'ERR_HEADER_INJECTION' });
      await expect(call.answer({ headers: [['X', 'a\r\nb']] })).rejects.toMatchObject({ code: 'ERR_HEADER_INJECTION' });
      await call.reject(404);
    });
    using phone = await RawPhone.open();
    expect((await phone.call(server.port)).status).toBe(404);
    await expectIdle(server.tandem);
  });

  it('do not keep a call from being hung up', async () => {
    await using server = await openTandem(async (call) => {
      await call.answer();
      await expect(call.hangup({ headers: [['X', 'a\r\nb']] })).rejects.toMatchObject({ code: 'ERR_HEADER_INJECTION' });
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('are not made of a reason in several lines', async () => {
    await using server = await openTandem(async (call) => {
      await call.answer();
      await call.hangup({ reason: 'line one\nline "two"' });
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    expect(first(await phone.nextRequest('BYE'), 'reason')).toBe('SIP;cause=200;text="line one line  two "');
    await expectIdle(server.tandem);
  });
});

describe('serve', () => {
  it('ends when its signal is aborted while it opens', async () => {
    await using server = await openTandem();
    const { tandem } = server;
    const abort = new AbortController();
    const served = tandem.serve(() => {}, { signal: abort.signal });
    abort.abort();
    await served;
    await expect(tandem.open()).rejects.toMatchObject({ code: 'ERR_STATE' });
  });
});

describe('invite with early media', () => {
  it('returns before the answer', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    phone.plan = { provisional: [{ status: '183 Session Progress', sdp: true }], ringMs: 100, final: '200 OK' };
    const call = await server.tandem.invite(target(phone), { earlyMedia: true });
    expect(call.state).toBe('early');
    await call.waitAnswer();
    await call.ack();
    expect(call.state).toBe('confirmed');
    await call.close();
    await expectIdle(server.tandem);
  });

  it('takes one URI', async () => {
    await using server = await openTandem();
    const invited = server.tandem.invite(['sip:a@127.0.0.1:9', 'sip:b@127.0.0.1:9'], { earlyMedia: true });
    await expect(invited).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    await expectIdle(server.tandem);
  });
});

describe('500 calls', () => {
  it('leave nothing behind, whenever they are given up', async () => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    await using far = await openTandem(async (call) => {
      await call.progressMedia();
      await call.answer();
      await call.echo();
    });
    await using server = await openTandem();
    const uri = `sip:b@127.0.0.1:${far.port}`;
    let answered = 0;
    const callAndGiveUp = async (afterResponses: number): Promise<void> => {
      const abort = new AbortController();
      let left = afterResponses;
      const onResponse = (): void => void (left-- === 0 && abort.abort());
      const invited = server.tandem.invite(uri, { signal: abort.signal, onResponse });
      if (afterResponses === 4) queueMicrotask(() => abort.abort());
      const call = await invited.catch(() => undefined);
      if (call) answered++;
      await call?.close();
    };
    const lanes = Array.from({ length: 50 }, async (_, lane) => {
      for (let count = 0; count < 10; count++) await callAndGiveUp((lane + count) % 5);
    });
    await Promise.all(lanes);
    await expectIdle(server.tandem);
    await expectIdle(far.tandem);
    expect((await server.tandem.check()).sip.counters.internalErrors).toBe(0);
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
    // Given up at 183, at 200, never, never, and before anything was sent.
    expect(answered).toBe(200);
  });
});

describe('a call', () => {
  it('that is hung up before its answer by BYE says so', async () => {
    const { promise: cause, resolve } = Promise.withResolvers<EndCause>();
    await using server = await openTandem(async (call) => {
      await call.ringing();
      resolve(await call.ended);
    });
    using phone = await RawPhone.open();
    phone.invite(server.port);
    phone.learn(await phone.nextResponse(180));
    phone.request('BYE');
    expect((await phone.final()).status).toBe(487);
    expect(await cause).toMatchObject({ by: 'remote', method: 'BYE' });
    await expectIdle(server.tandem);
  });

  it('that is over enters no profile any more', async () => {
    const { promise: over, resolve } = Promise.withResolvers<DialogServerSession>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      await call.ended;
      call.profiles.set('late');
      expect(call.profiles.limit('late', '', 5)).toBe(false);
      resolve(call);
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await phone.bye();
    expect((await over).profiles.size('late')).toBe(0);
  });

  it('that is over starts no audio, and its handler ends without a word in the log', async () => {
    const { promise: thrown, resolve } = Promise.withResolvers<unknown>();
    const warnings: string[] = [];
    const logger = { ...createLogger('silent'), warn: (_: object, text: string) => warnings.push(text) };
    const log: Logger = Object.assign(logger, { child: () => log });
    await using server = await openTandem(
      async (call) => {
        await call.answer();
        for (;;) await call.playback().play(new Uint8Array(160), '').catch(rethrow);
      },
      { logger: log },
    );
    const rethrow = (error: unknown): never => {
      resolve(error);
      throw error;
    };
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await phone.hears(3);
    await phone.bye();
    expect(await thrown).toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    await expectIdle(server.tandem);
    expect(warnings).toEqual([]);
  });

  it('lets go of hold() at once when it ends meanwhile', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    const call = await server.tandem.invite(target(phone));
    phone.plan = {};
    const held = call.hold();
    await phone.next((m) => m.method === 'INVITE' && first(m, 'to').includes('tag='));
    await phone.bye();
    await expect(held).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
  });

  it('is not bridged with itself', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await using server = await openTandem(async (call) => {
      await call.answer();
      await server.tandem.bridge(call, call).catch(resolve);
    });
    using phone = await RawPhone.open();
    await phone.call(server.port);
    expect(await promise).toMatchObject({ code: 'ERR_ARGUMENT' });
    await phone.nextRequest('BYE');
  });

  it('is held and taken back in the order asked for, whoever waits', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    const call = await server.tandem.invite(target(phone));
    const held = call.hold();
    const back = call.unhold();
    const answer = async (ours: string) => {
      const invite = await phone.next((m) => m.method === 'INVITE' && first(m, 'to').includes('tag='));
      phone.respond(invite, '200 OK', { sdp: phone.sdp(undefined, ours) });
      return /a=(sendrecv|sendonly)/.exec(invite.body)?.[1];
    };
    expect(await answer('recvonly')).toBe('sendonly');
    await held;
    expect(call.media.audio?.direction).toBe('sendonly');
    expect(await answer('sendrecv')).toBe('sendrecv');
    await back;
    expect(call.media.audio?.direction).toBe('sendrecv');
    await call.close();
    await expectIdle(server.tandem);
  });

  it('bridges early media with inviteBridge, then waits for the answer', async () => {
    await using server = await openTandem();
    using one = await RawPhone.open();
    using two = await RawPhone.open();
    two.plan = { provisional: [{ status: '183 Session Progress', sdp: true }], ringMs: 100, final: '200 OK' };
    const a = await server.tandem.invite(target(one));
    await using bridge = server.tandem.bridge();
    bridge.add(a);
    const b = await server.tandem.inviteBridge(target(two), bridge, { earlyMedia: true });
    expect(b.state).toBe('confirmed');
    await Promise.all([a.close(), b.close()]);
    await expectIdle(server.tandem);
  });
});
