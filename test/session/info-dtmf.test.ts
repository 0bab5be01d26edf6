import { describe } from 'vitest';
import type { TandemOptions } from '../../src/options.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** alice has called a script that keeps what she presses. */
async function keeping(
  lab: Lab,
  options: TandemOptions & { readonly codecs?: readonly string[] } = {},
): Promise<{ alice: Phone; digits: string[]; call: DialogServerSession }> {
  const { codecs, ...rest } = options;
  const digits: string[] = [];
  const { promise, resolve } = Promise.withResolvers<DialogServerSession>();
  await lab.serve(async (call) => {
    await call.answer();
    resolve(call);
    for await (const { digit } of call.dtmf()) digits.push(digit);
  }, rest);
  const alice = lab.phone('alice', codecs ? { codecs } : {});
  await alice.dial('1000');
  return { alice, digits, call: await lab.run(promise) };
}

const info = (phone: Phone, type: string, body: string) => phone.request('INFO', { type, body });

describe('digits by INFO', () => {
  test.for(['application/dtmf-relay', 'application/dtmf'] as const)('as %s are heard', async (infoType, { lab }) => {
    const { alice, digits } = await keeping(lab);
    await alice.press('0123456789*#ABCD', { by: 'info', infoType });
    expect(digits.join('')).toBe('0123456789*#ABCD');
  });

  test('are what gather takes', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await lab.serve(async (call) => {
      await call.answer();
      resolve(await call.gather());
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.press('42#', { by: 'info' });
    expect(await lab.run(promise)).toEqual({ digits: '42', end: 'terminator' });
  });

  test.for([
    ['application/dtmf-relay', 'Signal=10\r\nDuration=100', '*'],
    ['application/dtmf-relay', 'signal = 11\nDuration = 100\n', '#'],
    ['Application/DTMF-Relay; charset=utf-8', 'Duration=160\r\nSignal=d\r\n', 'D'],
    ['application/dtmf', '5\r\n', '5'],
    ['application/dtmf', 'Signal=7', '7'],
    ['application/dtmf-relay', 'Signal=16', ''],
    ['application/dtmf-relay', 'Signal=!', ''],
  ] as const)('%s %j is %s', async ([type, body, digit], { lab }) => {
    const { alice, digits } = await keeping(lab);
    expect((await info(alice, type, body)).status).toBe(200);
    expect(digits.join('')).toBe(digit);
  });

  test.for([
    ['application/dtmf-relay', 'Signal=99', 400],
    ['application/dtmf-relay', 'Duration=160', 400],
    ['application/dtmf', '12', 200],
    ['application/dtmf', '123', 400],
    ['application/dtmf', 'hello', 400],
    ['application/media_control+xml', '<media_control/>', 415],
  ] as const)('%s %j gets %i', async ([type, body, status], { lab }) => {
    const { alice, call } = await keeping(lab);
    const response = await info(alice, type, body);
    expect(response.status).toBe(status);
    if (status === 415) expect(response.header('accept')).toBe('application/dtmf-relay, application/dtmf');
    expect(call.state).toBe('confirmed');
  });

  test('an INFO that says nothing is no digit, and one of a package is not known', async ({ lab }) => {
    const { alice, digits } = await keeping(lab);
    expect((await alice.request('INFO')).status).toBe(200);
    const packaged = await alice.request('INFO', { headers: [['Info-Package', 'foo']], type: 'text/plain', body: 'x' });
    expect(packaged.status).toBe(469);
    expect(digits).toEqual([]);
  });

  test('of a phone that sends each press in both ways count once', async ({ lab }) => {
    const { alice, digits } = await keeping(lab);
    for (const digit of '12') {
      await alice.press(digit);
      await alice.press(digit, { by: 'info' });
    }
    expect(digits.join('')).toBe('12');
  });

  test('count once the other way round, too', async ({ lab }) => {
    const { alice, digits } = await keeping(lab);
    for (const digit of '12') {
      await alice.press(digit, { by: 'info' });
      await alice.press(digit);
    }
    expect(digits.join('')).toBe('12');
  });

  test.for([
    ['rfc4733', '1'],
    ['info', '2'],
  ] as const)('or with the audio: the option dtmf decides (%s)', async ([dtmf, heard], { lab }) => {
    const { alice, digits } = await keeping(lab, { dtmf });
    await alice.press('1');
    await alice.press('2', { by: 'info' });
    expect(digits.join('')).toBe(heard);
  });
});

describe('sendDtmf', () => {
  test('goes by INFO where no telephone-event was agreed on', async ({ lab }) => {
    const { alice, call } = await keeping(lab, { codecs: ['PCMU'] });
    await lab.run(call.sendDtmf('1a#'));
    expect(alice.digits).toBe('1A#');
    const told = alice.received.filter(({ what }) => what === 'INFO');
    expect(told.map(({ body }) => body)).toEqual(['1', 'A', '#'].map((digit) => `Signal=${digit}\r\nDuration=160\r\n`));
  });

  test('goes with the audio where it can, unless told otherwise', async ({ lab }) => {
    const { alice, call } = await keeping(lab);
    await lab.run(call.sendDtmf('1'));
    expect(alice.received.filter(({ what }) => what === 'INFO')).toEqual([]);
    await alice.hearsDigits('1');
    await lab.run(call.sendDtmf('2', { via: 'info-dtmf' }));
    const told = await alice.receives('INFO');
    expect([told.header('content-type'), told.body]).toEqual(['application/dtmf', '2']);
  });

  test('rejects when an INFO is refused, for keys that are none, and without a way', async ({ lab }) => {
    const { alice, call } = await keeping(lab, { codecs: ['PCMU'] });
    await expect(call.sendDtmf('x')).rejects.toMatchObject({ code: 'ERR_DTMF_DIGIT' });
    await expect(call.sendDtmf('1', { via: 'rfc4733' })).rejects.toMatchObject({ code: 'ERR_DTMF_UNAVAILABLE' });
    alice.misbehave({ refuses: { INFO: 415 } });
    await expect(lab.run(call.sendDtmf('12'))).rejects.toMatchObject({ status: 415 });
    expect(alice.received.filter(({ what }) => what === 'INFO')).toHaveLength(1);
  });
});

describe('a bridge', () => {
  async function bridged(lab: Lab, one: readonly string[], other: readonly string[]): Promise<[Phone, Phone]> {
    const [alice, bob] = [lab.phone('alice', { codecs: one }), lab.phone('bob', { codecs: other })];
    bob.onCall = { answerAfterMs: 0 };
    await lab.serve(async (call, tandem) => {
      const callee = await call.invite(bob.uri);
      await using bridge = await tandem.bridge(call, callee);
      await bridge.ended;
    });
    await alice.dial('1000');
    await bob.isUp();
    await lab.advance(10);
    return [alice, bob];
  }
  const both = ['PCMU', 'telephone-event'];

  test('passes digits by INFO on with the audio', async ({ lab }) => {
    const [alice, bob] = await bridged(lab, both, both);
    await alice.press('12', { by: 'info' });
    await bob.hearsDigits('12');
    expect(bob.received.filter(({ what }) => what === 'INFO')).toEqual([]);
  });

  test('passes them by INFO where there is no other way, in both directions', async ({ lab }) => {
    const [alice, bob] = await bridged(lab, ['PCMU'], both);
    await alice.press('12', { by: 'info' });
    await bob.hearsDigits('12');
    await bob.press('34', { by: 'info' });
    await alice.hearsDigits('34');
  });

  test('passes digits once', async ({ lab }) => {
    const [alice, bob] = await bridged(lab, both, both);
    await alice.press('1');
    await alice.press('1', { by: 'info' });
    await alice.press('2');
    await bob.hearsDigits('12');
    await lab.advance(1000);
    expect(bob.digits).toBe('12');
  });

  test('goes on when thousands of INFOs come at once', async ({ lab }) => {
    const [alice, bob] = await bridged(lab, ['PCMU'], ['PCMU']);
    const call = alice.call;
    const all = Array.from({ length: 500 }, () => call?.request('INFO', { type: 'application/dtmf', body: '1' }));
    await lab.run(Promise.all(all));
    await lab.advance(40_000);
    expect(bob.digits.length).toBeGreaterThan(0);
    await alice.hangup();
    await bob.ends();
  });
});
