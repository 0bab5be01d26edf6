/** What a script has listened for in the audio of a call. */
import { describe } from 'vitest';
import { sine, tones } from '../../media/audio/tone.ts';
import type { TandemOptions } from '../../src/options.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { join, limited, silence, sines } from '../media/analysis/signals.ts';
import { Speaker } from '../media/analysis/speech.ts';

interface Scene {
  readonly alice: Phone;
  readonly call: DialogServerSession;
}

async function inCall(lab: Lab, options: TandemOptions & { readonly codecs?: readonly string[] } = {}): Promise<Scene> {
  const { codecs, ...rest } = options;
  const { promise, resolve } = Promise.withResolvers<DialogServerSession>();
  await lab.serve(async (call) => {
    await call.answer();
    resolve(call);
    await call.ended;
  }, rest);
  const alice = lab.phone('alice', codecs ? { codecs } : {});
  await alice.dial('1000');
  return { alice, call: await lab.run(promise) };
}

/** All that comes from now on. */
function collect<T>(events: AsyncIterable<T>): T[] {
  const all: T[] = [];
  void (async () => {
    for await (const event of events) all.push(event);
  })();
  return all;
}

const phrase = (seed: number, ms: number): Float64Array => new Speaker(seed).talk(ms, { pauseMs: 0, syllables: 100 });
const withoutEvents = ['PCMU'];

describe('digits in the audio', () => {
  test('are heard where no telephone-event was agreed on, once somebody waits for them', async ({ lab }) => {
    const { alice, call } = await inCall(lab, { codecs: withoutEvents });
    await alice.press('9', { by: 'inband' });
    const digits = collect(call.dtmf());
    await lab.advance(200);
    await alice.press('0123456789*#ABCD', { by: 'inband' });
    await lab.advance(200);
    expect(digits.map(({ digit }) => digit).join('')).toBe('0123456789*#ABCD');
  });

  test('are what gather takes', async ({ lab }) => {
    const { alice, call } = await inCall(lab, { codecs: withoutEvents });
    const gathered = call.gather({ digits: 4 });
    await alice.press('4711', { by: 'inband' });
    expect(await lab.run(gathered)).toEqual({ digits: '4711', end: 'digits' });
  });

  test('count for nothing where there is another way', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    const digits = collect(call.dtmf());
    await alice.press('12', { by: 'inband' });
    await alice.press('3');
    await lab.advance(200);
    expect(digits.map(({ digit }) => digit).join('')).toBe('3');
  });

  test('count alone with the option inband, also those of before anybody asked', async ({ lab }) => {
    const { alice, call } = await inCall(lab, { dtmf: 'inband' });
    await lab.advance(200);
    await alice.press('1', { by: 'inband' });
    await alice.press('2');
    await alice.press('3', { by: 'info' });
    expect(await lab.run(call.gather({ digits: 1 }))).toEqual({ digits: '1', end: 'digits' });
    expect(await lab.run(call.gather({ digits: 1, timeout: 100 }))).toEqual({ digits: '', end: 'timeout' });
  });

  test('of a phone that sends each press by INFO as well count once', async ({ lab }) => {
    const { alice, call } = await inCall(lab, { codecs: withoutEvents });
    const digits = collect(call.dtmf());
    await lab.advance(200);
    for (const digit of '123') {
      await alice.press(digit, { by: 'inband' });
      await alice.press(digit, { by: 'info' });
    }
    await lab.advance(200);
    expect(digits.map(({ digit }) => digit).join('')).toBe('123');
  });

  test('give way to events that are agreed on later', async ({ lab }) => {
    const { alice, call } = await inCall(lab, { codecs: ['PCMU', 'telephone-event'], dtmf: 'auto' });
    await lab.run(
      call.reInvite({ codecs: [{ name: 'PCMU', payloadType: 0, clockRate: 8000, channels: 1, fmtp: '' }] }),
    );
    const digits = collect(call.dtmf());
    await lab.advance(200);
    await alice.press('1', { by: 'inband' });
    await lab.run(call.reInvite());
    expect(call.media.audio?.telephoneEvent).toBeDefined();
    await alice.press('2', { by: 'inband' });
    await alice.press('3');
    await lab.advance(200);
    expect(digits.map(({ digit }) => digit).join('')).toBe('13');
  });
});

describe('sendDtmf in the audio', () => {
  test('sounds both tones of a key, with a pause behind, while a prompt waits', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    const playing = call
      .playback()
      .play('message.wav')
      .catch(() => undefined);
    void playing;
    await lab.run(call.sendDtmf('5#', { via: 'inband', durationMs: 200 }));
    await alice.hearsTone([770, 1336], { ms: 140 });
    await alice.hearsTone([941, 1477], { ms: 140 });
    expect(alice.digits).toBe('');
  });

  test.for(['PCMU', 'G722', 'OPUS'])('is heard by another Tandem in %s, whatever was sent', async (codec, { lab }) => {
    const keys = '0123456789*#ABCD';
    const digits: string[] = [];
    const media = { codecs: [codec] };
    await lab.serve(
      async (call) => {
        await call.answer();
        for await (const { digit } of call.dtmf()) digits.push(digit);
      },
      { name: 'callee', dtmf: 'inband', media },
    );
    const caller = lab.newTandem({ name: 'caller', media });
    await caller.serveBackground(() => {});
    const call = await lab.run(caller.invite('sip:x@callee'));
    expect(call.media.audio?.codec.name).toBe(codec);
    await lab.run(call.sendDtmf(keys, { via: 'inband', durationMs: 60, gapMs: 60 }));
    await lab.advance(200);
    expect(digits.join('')).toBe(keys);
    await lab.run(call.hangup());
  });

  test('rejects keys that are none', async ({ lab }) => {
    const { call } = await inCall(lab);
    await expect(call.sendDtmf('x', { via: 'inband' })).rejects.toMatchObject({ code: 'ERR_DTMF_DIGIT' });
  });
});

describe('vad', () => {
  test('tells when somebody begins and stops to speak', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    const events = collect(call.vad({ silence: 500 }));
    await lab.advance(1000);
    const began = lab.clock.wallclock();
    await alice.say(limited(phrase(1, 2000)));
    const ended = lab.clock.wallclock();
    await lab.advance(1000);
    expect(events.map(({ type }) => type)).toEqual(['start', 'end']);
    expect(Math.abs(events[0]!.at - began)).toBeLessThan(200);
    expect(Math.abs(events[1]!.at - ended)).toBeLessThan(200);
    expect(Math.abs(events[1]!.durationMs - 2000)).toBeLessThan(200);
  });

  test('hears the end of a phone that sends nothing in silence', async ({ lab }) => {
    const { promise, resolve } = Promise.withResolvers<DialogServerSession>();
    await lab.serve(async (call) => {
      await call.answer();
      resolve(call);
      await call.ended;
    });
    const alice = lab.phone('alice', { talks: false });
    await alice.dial('1000');
    const events = collect((await lab.run(promise)).vad({ silence: 500 }));
    await alice.say(limited(phrase(2, 1500)));
    await lab.advance(2000);
    expect(events.map(({ type }) => type)).toEqual(['start', 'end']);
  });

  test('ends with the call', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    const next = call.vad().next();
    await alice.hangup();
    expect(await lab.run(next)).toEqual({ done: true, value: undefined });
    expect(() => call.vad()).toThrow();
  });

  test('refuses times that cannot be right', async ({ lab }) => {
    const { call } = await inCall(lab);
    for (const silence of [-1, Number.NaN, 0])
      expect(() => call.vad({ silence })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });
});

describe('tones', () => {
  test('of the network are told by kind', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    const heard = collect(call.tones({ kinds: ['busy', 'ringback'] }));
    void alice.speak(tones.busy);
    await lab.advance(5000);
    expect(heard.map(({ kind }) => kind)).toEqual(['busy']);
  });

  test('nothing is listened for any more behind the loop', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    const listening = call.tones({ kinds: ['beep'] });
    const first = listening.next();
    await alice.say(limited(join(silence(200), sines(300, [{ frequency: 1000, level: -10 }]), silence(200))));
    expect((await lab.run(first)).value).toMatchObject({ kind: 'beep', frequency: 1000 });
    await listening.return?.();
    await lab.advance(100);
    expect((await call.stats()).received.jitterBuffer).toBeUndefined();
  });

  test('that are none are refused', async ({ lab }) => {
    const { call } = await inCall(lab);
    expect(() => call.tones({ kinds: ['gong' as 'beep'] })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    expect(() => call.tones({ plan: 'xx' as 'us' })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });
});

describe('detectMachine', () => {
  test('says at once who it is, and resolves when the beep is over', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    const verdicts: [string, number][] = [];
    const result = call.detectMachine({ onVerdict: (verdict) => verdicts.push([verdict, lab.clock.wallclock()]) });
    const start = lab.clock.wallclock();
    const said = join(silence(500), phrase(1, 5000), silence(500), sines(500, [{ frequency: 850, level: -10 }]));
    void alice.say(limited(said));
    const { verdict, beepAt = 0, cause } = await lab.run(result);
    expect([verdict, cause]).toEqual(['machine', 'greeting']);
    expect(Math.abs(beepAt - start - 6000)).toBeLessThan(250);
    expect(lab.clock.wallclock()).toBeGreaterThan(beepAt + 500);
    expect(verdicts).toEqual([['machine', expect.any(Number)]]);
    expect(verdicts[0]![1]).toBeLessThan(start + 3500);
  });

  test('stays unknown when nobody speaks and nothing comes', async ({ lab }) => {
    const { call } = await inCall(lab);
    expect(await lab.run(call.detectMachine({ initialSilence: 3000 }))).toEqual({
      verdict: 'unknown',
      cause: 'silence',
      decidedMs: 3000,
      greetingMs: 0,
    });
  });

  test('is over with its signal, and with the call', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    const stop = new AbortController();
    const one = call.detectMachine({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(one).rejects.toThrow('enough');
    const other = call.detectMachine();
    const rejected = expect(other).rejects.toMatchObject({ name: 'DialogEndedError' });
    await alice.hangup();
    await rejected;
  });

  test('refuses times that cannot be right', async ({ lab }) => {
    const { call } = await inCall(lab);
    await expect(call.detectMachine({ greeting: -1 })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('levels', () => {
  test('are in the stats of both directions while they are metered', async ({ lab }) => {
    const { alice, call } = await inCall(lab);
    expect((await call.stats()).level).toBeUndefined();
    call.meterLevels();
    void alice.speak(sine(500, -20));
    await lab.advance(1000);
    const loud = (await call.stats()).level;
    expect(loud?.in).toBeCloseTo(-20, 0);
    expect(loud?.out).toBe(-96);
    const playing = new AbortController();
    void call.ringtone(sine(500, -30)).play({ signal: playing.signal });
    await lab.advance(1000);
    expect((await call.stats()).level?.out).toBeCloseTo(-30, 0);
    call.meterLevels(false);
    expect((await call.stats()).level).toBeUndefined();
    playing.abort();
  });
});
