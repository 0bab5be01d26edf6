/** Digits in the three ways there are, to phones and to servers. */
import { describe } from 'vitest';
import { keyFrequencies, Lab, type Phone } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { complaint } from './ladder.ts';

const keys = '0123456789*#ABCD';
const seeds = Array.from({ length: 20 }, (_, seed) => seed);

async function called(lab: Lab, codecs?: readonly string[]): Promise<[Phone, Phone]> {
  const alice = lab.phone('alice');
  const bob = lab.phone('bob', codecs ? { codecs } : {});
  bob.onCall = { answerAfterMs: 0 };
  await alice.dial(bob.uri);
  await bob.isUp();
  return [alice, bob];
}

/** A server that collects so many digits, and what it has collected. */
async function collecting(lab: Lab, digits: number): Promise<{ gathered: string; heard: string }> {
  const result = { gathered: '', heard: '' };
  const tandem = await lab.serve(async (call) => {
    await call.answer();
    result.gathered = (await call.gather({ digits, terminators: '' })).digits;
  });
  tandem.observer.on('media:dtmf', ({ digit }) => {
    result.heard += digit;
  });
  return result;
}

describe('digits by RFC 4733', () => {
  test('are heard by a phone', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    const from = lab.clock.now();
    await alice.press(keys);
    expect(lab.clock.now() - from).toBeGreaterThan(16 * 100 + 15 * 100);
    await bob.hearsDigits(keys);
    expect(bob.digits).toBe(keys);
    expect(alice.digits).toBe('');
    await bob.press('1');
    await alice.hearsDigits('1');
  });

  test('are as long as they are told to be', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    const from = lab.clock.now();
    await alice.press('11', { durationMs: 2000, gapMs: 1000 });
    expect(Math.abs(lab.clock.now() - from - 5000)).toBeLessThan(100);
    await alice.press('22', { durationMs: 40, gapMs: 40 });
    await bob.hearsDigits('1122');
  });

  test.for([
    ['5 %', 0.05],
    ['20 %', 0.2],
  ] as const)('come to a server once each with %s of RTP lost, whatever the seed', async ([, loss]) => {
    for (const seed of seeds) {
      await using lab = new Lab({ seed, network: { loss, reorder: loss, duplicate: loss, only: 'rtp' } });
      const result = await collecting(lab, keys.length);
      const alice = lab.phone('alice');
      await alice.dial('1000');
      await alice.press(keys);
      await alice.ends({ within: 10_000 });
      expect({ seed, ...result }).toEqual({ seed, gathered: keys, heard: keys });
    }
  });

  test.for([
    ['5 %', 0.05],
    ['20 %', 0.2],
  ] as const)('come to a phone once each with %s of RTP lost, whatever the seed', async ([, loss]) => {
    for (const seed of seeds) {
      await using lab = new Lab({ seed, network: { loss, reorder: loss, duplicate: loss, only: 'rtp' } });
      await lab.serve(async (call) => {
        await call.answer();
        await call.sendDtmf(keys);
        await call.ended;
      });
      const alice = lab.phone('alice');
      await alice.dial('1000');
      await alice.hearsDigits(keys, { within: 10_000 });
      await lab.advance(1000);
      expect({ seed, digits: alice.digits }).toEqual({ seed, digits: keys });
    }
  });

  test('cannot be pressed when no telephone-event was agreed on', async ({ lab }) => {
    const [alice, bob] = await called(lab, ['PCMU']);
    expect(await complaint(alice, () => alice.press('1'))).toBe(
      'alice cannot press 1: no telephone-event was agreed on',
    );
    await alice.press('1', { by: 'inband' });
    await bob.hearsTone(keyFrequencies('1'), { ms: 60 });
  });
});

describe('digits by INFO', () => {
  test.for(['application/dtmf-relay', 'application/dtmf'] as const)('as %s are heard by a phone', async (infoType, {
    lab,
  }) => {
    const [alice, bob] = await called(lab);
    await alice.press(keys, { by: 'info', infoType, durationMs: 250 });
    await bob.hearsDigits(keys);
    const info = bob.received.find(({ what }) => what === 'INFO');
    expect(info?.header('content-type')).toBe(infoType);
    expect(info?.body).toBe(infoType === 'application/dtmf' ? '0' : 'Signal=0\r\nDuration=250\r\n');
    expect(bob.call?.media.ear.audio.loudUntil).toBe(0);
  });

  test('in the ways that others write it are understood', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    for (const [type, body] of [
      ['application/dtmf-relay', 'Signal= 5\r\nDuration= 160'],
      ['Application/DTMF-Relay;x=y', 'Duration=160\r\nsignal=*\r\n'],
      ['application/dtmf', ' d\r\n'],
      ['text/plain', '1'],
      ['application/dtmf', 'nonsense'],
    ] as const)
      await alice.request('INFO', { type, body });
    expect(bob.digits).toBe('5*D');
  });

  test('are heard by the server as keys', async ({ lab }) => {
    const result = await collecting(lab, 2);
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.press('1', { by: 'info', infoType: 'application/dtmf-relay' });
    await alice.press('2', { by: 'info', infoType: 'application/dtmf' });
    expect(result.gathered).toBe('12');
  });
});

describe('digits in the audio', () => {
  test('are heard as two tones each', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    const pressed = alice.press(keys, { by: 'inband', durationMs: 200 });
    for (const key of keys) {
      const heard = await bob.hearsTone(keyFrequencies(key), { ms: 120, within: 500 });
      expect(heard.to - heard.from).toBeGreaterThanOrEqual(120);
    }
    await pressed;
    expect(bob.digits).toBe('');
  });

  test('have the frequencies of ITU-T Q.23', () => {
    expect(keyFrequencies('1')).toEqual([697, 1209]);
    expect(keyFrequencies('0')).toEqual([941, 1336]);
    expect(keyFrequencies('d')).toEqual([941, 1633]);
  });
});

describe('who waits for digits', () => {
  test('goes on where the wait before ended', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    await alice.press('1234');
    await bob.hearsDigits('12');
    await bob.hearsDigits('34');
    await Promise.all([alice.press('56'), bob.hearsDigits('5'), bob.hearsDigits('56')]);
    await alice.press('7');
    await bob.hearsDigits('7');
  });

  test('is told at once of another digit, and of too few', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    const pressed = alice.press('19999');
    expect(await complaint(bob, () => bob.hearsDigits('123'))).toBe('bob heard the digits 19, not 123');
    expect(lab.clock.now()).toBeLessThan(500);
    await pressed;
    expect(await complaint(bob, () => bob.hearsDigits('199991', { within: 2000 }))).toBe(
      'bob did not hear the digits 199991 within 2 s, but "19999"',
    );
    const late = complaint(bob, () => bob.hearsDigits('199991'));
    await alice.hangup();
    expect(await late).toBe('bob did not hear the digits 199991 before the call was over, but "19999"');
  });

  test('begins anew with each call', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    await alice.press('1');
    await bob.hearsDigits('1');
    await alice.hangup();
    await alice.dial(bob.uri);
    await bob.isUp();
    expect(bob.digits).toBe('');
    await alice.press('2');
    await bob.hearsDigits('2');
  });

  test('has keys only', async ({ lab }) => {
    const [alice] = await called(lab);
    for (const wrong of ['', 'x', '1 2', '+4'])
      expect(await complaint(alice, () => alice.press(wrong))).toBe(
        `a phone has no keys for "${wrong}": 0–9, *, # and A–D`,
      );
    await alice.hold();
    await alice.press('1');
  });
});
