import { describe } from 'vitest';
import type { IncomingMessage, MessageHandler } from '../../src/session/messages.ts';
import { expect, test } from '../helpers/lab.ts';

const plain = 'text/plain;charset=UTF-8';

describe('a MESSAGE outside of any call', () => {
  test('gets 405 where nobody takes messages, and Allow says so', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const alice = lab.phone('alice');
    const refused = await alice.ask('MESSAGE', '1000', { type: plain, body: 'hello' });
    expect(refused.status).toBe(405);
    expect(refused.header('allow')).not.toContain('MESSAGE');
    tandem.onMessage = () => {};
    expect((await alice.ask('OPTIONS', '1000')).header('allow')).toContain('MESSAGE');
    expect((await alice.ask('MESSAGE', '1000', { type: plain, body: 'hello' })).status).toBe(200);
    tandem.onMessage = undefined;
    expect((await alice.ask('MESSAGE', '1000', { type: plain, body: 'hello' })).status).toBe(405);
  });

  test('comes with who wrote it, and its text', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const seen: unknown[] = [];
    tandem.onMessage = ({ from, to, text, contentType, call }) => {
      seen.push(from.uri, to.uri, text, contentType, call);
    };
    const alice = lab.phone('alice');
    const body = Buffer.from('grüße').toString('latin1');
    expect((await alice.ask('MESSAGE', '1000', { type: plain, body })).status).toBe(200);
    expect(seen).toEqual(['sip:alice@10.0.1.1', 'sip:1000@10.0.0.1', 'grüße', 'text/plain', undefined]);
  });

  const answers: readonly (readonly [MessageHandler, number])[] = [
    [(message: IncomingMessage) => message.reject(603), 603],
    [(message: IncomingMessage) => message.accept(202), 202],
    [() => Promise.reject(Object.assign(new Error('no'), {})), 500],
    [(message: IncomingMessage) => void message.text.length, 415],
    [() => new Promise<void>(() => {}), 202],
  ];
  test.for(answers)('is answered by its handler (%#)', async ([handler, status], { lab }) => {
    const tandem = await lab.serve(() => {});
    const done = Promise.withResolvers<void>();
    tandem.onMessage = (message) => Promise.race([handler(message), done.promise]);
    const alice = lab.phone('alice');
    const response = await alice.ask('MESSAGE', '1000', { type: 'image/png', body: 'x' });
    done.resolve();
    expect(response.status).toBe(status);
    if (status === 415) expect(response.header('accept')).toBe('text/plain');
  });

  test('is sent, and taken or not', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const other = await lab.serve(() => {});
    const { promise, resolve } = Promise.withResolvers<string>();
    other.onMessage = ({ text, contentType }) => resolve(`${contentType}: ${text}`);
    await lab.run(tandem.message('sip:1000@tandem2', 'hello, wörld'));
    expect(await lab.run(promise)).toBe('text/plain: hello, wörld');
    other.onMessage = undefined;
    await expect(lab.run(tandem.message('sip:1000@tandem2', 'hello'))).rejects.toMatchObject({
      code: 'ERR_DIALOG_RESPONSE',
      message: 'MESSAGE refused: 405 Method Not Allowed',
    });
  });
});

describe('a MESSAGE in a call', () => {
  test('goes both ways', async ({ lab }) => {
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      await call.ended;
    });
    const other = lab.newTandem();
    const seen: unknown[] = [];
    tandem.onMessage = async ({ text, call }) => {
      seen.push(text, call?.fromUser);
      await call?.message('pong');
    };
    other.onMessage = ({ text }) => {
      seen.push(text);
    };
    const call = await lab.run(other.invite('sip:1000@tandem', { from: 'bob' }));
    await lab.run(call.message('ping'));
    await lab.until(() => seen.length === 3);
    expect(seen).toEqual(['ping', 'bob', 'pong']);
    other.onMessage = undefined;
    await lab.run(call.hangup());
    await expect(call.message('late')).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
  });
});

describe('OPTIONS', () => {
  test('tells what can be done, with SDP for who wants it', async ({ lab }) => {
    await lab.serve(() => {});
    const alice = lab.phone('alice');
    const plainly = await alice.ask('OPTIONS', '1000');
    expect(plainly.status).toBe(200);
    expect(plainly.all('allow')).toEqual([
      'INVITE',
      'ACK',
      'BYE',
      'CANCEL',
      'OPTIONS',
      'INFO',
      'REFER',
      'NOTIFY',
      'UPDATE',
      'PRACK',
    ]);
    expect(plainly.all('accept')).toEqual(['application/sdp', 'application/dtmf-relay', 'application/dtmf']);
    expect(plainly.header('supported')).toBe('timer, 100rel, replaces');
    expect(plainly.header('allow-events')).toBe('refer');
    expect(plainly.body).toBe('');
    const asked = await alice.ask('OPTIONS', '1000', { headers: [['Accept', 'application/sdp']] });
    expect(asked.header('content-type')).toBe('application/sdp');
    expect(asked.body).toContain('m=audio 0 RTP/AVP 0 8');
  });

  test('gets 503 while no new calls are taken', async ({ lab }) => {
    const tandem = await lab.serve((call) => call.answer().then(() => call.ended.then(() => {})));
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await alice.dial('1000');
    const drained = tandem.drain();
    expect((await bob.ask('OPTIONS', '1000')).status).toBe(503);
    await alice.hangup();
    await lab.run(drained);
  });
});
