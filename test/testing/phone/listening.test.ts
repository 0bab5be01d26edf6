/** What a phone can be asked: what it heard and received, and what it says when that was not so. */
import { describe } from 'vitest';
import { type Lab, type Phone, sine, tones } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { complaint, failure, pause } from './ladder.ts';

const prompt = (name: string): URL => new URL(`../../../prompts/${name}`, import.meta.url);

async function called(lab: Lab): Promise<[Phone, Phone]> {
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  bob.onCall = { answerAfterMs: 0 };
  await alice.dial(bob.uri);
  await bob.isUp();
  return [alice, bob];
}

/** A server that says what it is told to, and hangs up. */
async function saying(lab: Lab, ...names: string[]): Promise<Phone> {
  await lab.serve(async (call) => {
    await call.answer();
    for (const name of names) await call.playback().play(prompt(name));
  });
  const alice = lab.phone('alice');
  await alice.dial('1000');
  return alice;
}

describe('hears', () => {
  test('tells where a sound was, and how good', async ({ lab }) => {
    const alice = await saying(lab, 'beep.wav', 'goodbye.wav');
    const heard = await alice.hears('goodbye.wav');
    expect(heard.similarity).toBeGreaterThan(0.999);
    expect(heard.snrDb).toBeGreaterThan(30);
    expect(heard.lostMs).toBe(0);
    expect(heard.to - heard.from).toBeGreaterThan(500);
    await alice.ends();
  });

  test('goes on where it ended, so that an order is an order', async ({ lab }) => {
    const alice = await saying(lab, 'echo.wav', 'goodbye.wav', 'echo.wav');
    const first = await alice.hears('echo.wav');
    const second = await alice.hears('goodbye.wav');
    const third = await alice.hears('echo.wav');
    expect(second.from).toBeGreaterThan(first.to);
    expect(third.from).toBeGreaterThan(second.to);
    expect(await complaint(alice, () => alice.hears('goodbye.wav'))).toMatch(
      /^alice did not hear goodbye.wav before the call was over/,
    );
  });

  test('takes samples, and the beginning of a sound', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    const random = lab.random('noise');
    const noise = Int16Array.from({ length: 8000 }, () => (random.uint32() % 8000) - 4000);
    await bob.speak(noise);
    const begin = await alice.hears(noise, { ms: 300 });
    expect(begin.to - begin.from).toBeCloseTo(300, -1);
    await bob.say(noise);
    await alice.hears(noise);
  });

  test('of a wait for something else at the same time is heard all the same', async ({ lab }) => {
    const alice = await saying(lab, 'echo.wav', 'goodbye.wav');
    const [second, first] = await Promise.all([alice.hears('goodbye.wav'), alice.hears('echo.wav')]);
    expect(second.from).toBeGreaterThan(first.to);
    // Both are behind it now.
    expect(await complaint(alice, () => alice.hears('echo.wav'))).toMatch(/before the call was over/);
  });

  test('by two phones at once is heard by both', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    await Promise.all([
      alice.say('goodbye.wav'),
      bob.say('echo.wav'),
      alice.hears('echo.wav'),
      bob.hears('goodbye.wav'),
      alice.hearsSilence(500, { within: 30_000 }),
    ]);
  });

  test('waits no longer than `within` for the beginning', async ({ lab }) => {
    await lab.serve(async (call) => {
      await call.answer();
      await pause(lab, 5000);
      await call.playback().play(prompt('beep.wav'));
      await call.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(await complaint(alice, () => alice.hears('beep.wav', { within: 4000 }))).toBe(
      'alice did not hear beep.wav within 4 s (nothing like it)',
    );
    expect(lab.clock.now()).toBeGreaterThan(4000);
    expect(lab.clock.now()).toBeLessThan(5000);
    await alice.hears('beep.wav', { within: 1000 });
    expect(await complaint(alice, () => alice.hearsTone(440, { within: 700 }))).toMatch(/within 0.7 s$/);
    const before = lab.clock.now();
    expect(await complaint(alice, () => alice.receives('BYE', { within: 1234 }))).toBe(
      'alice: did not receive BYE within 1.234 s',
    );
    expect(lab.clock.now()).toBe(before + 1234);
  });

  test('says what was heard instead, and what went on', async ({ lab }) => {
    const alice = await saying(lab, 'beep.wav');
    expect(await failure(alice, () => alice.hears('goodbye.wav'))).toMatchInlineSnapshot(`
      "alice did not hear goodbye.wav before the call was over (nothing like it)

      alice heard
            0.005  beep.wav, until 0.405

      time line of seed 1 (TANDEM_SEED=1 replays it)
            0.000  alice           calls sip:1000@10.0.0.1
            0.000  alice → tandem  INVITE sip:1000@10.0.0.1 #1 SDP
            0.001  tandem          call abc4 created, inbound
            0.001  tandem → alice  200 OK #1 INVITE SDP
            0.001  tandem          call abc4 answered
            0.001  tandem          media of abc4 started, PCMU
            0.002  alice → tandem  ACK sip:1000@10.0.0.1:5060 #1
            0.002  alice → tandem  RTP begins, payload type 0
            0.003  tandem          call abc4 confirmed
            0.004  tandem → alice  RTP begins, payload type 0
            0.384  tandem → alice  BYE sip:alice@10.0.1.1:5060 #1
            0.384  tandem          call abc4 ended by local
            0.385  alice → tandem  200 OK #1 BYE"
    `);
  });

  test('says so of a sound that there is not, or that has no sound', async ({ lab }) => {
    const [alice] = await called(lab);
    expect(await complaint(alice, () => alice.hears(new Int16Array(800)))).toBe(
      '100 ms of audio has no sound in it: use hearsSilence()',
    );
    await expect(alice.hears('nothing.wav')).rejects.toThrow(/^there is no \S*nothing.wav to listen for$/);
    await expect(lab.phone('carol').hears('beep.wav')).rejects.toThrow('carol has no call');
  });
});

describe('hearsTone', () => {
  test('finds one, or two together, and nothing else', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    await bob.speak(tones.busyUs);
    const heard = await alice.hearsTone([480, 620], { ms: 400 });
    expect(heard.to - heard.from).toBeGreaterThanOrEqual(400);
    expect(await complaint(alice, () => alice.hearsTone(480, { within: 1000 }))).toBe(
      'alice did not hear a tone of 480 Hz for 200 ms within 1 s',
    );
    bob.hush();
    expect(await complaint(alice, () => alice.hearsTone([480, 620], { within: 1000, ms: 600 }))).toBe(
      'alice did not hear a tone of 480 + 620 Hz for 600 ms within 1 s',
    );
  });
});

describe('hearsSilence', () => {
  test('waits until it was silent for so long', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    await bob.speak(sine(440));
    const silence = alice.hearsSilence(1000, { within: 5000 });
    await lab.advance(2000);
    bob.hush();
    await silence;
    expect(lab.clock.now()).toBeGreaterThan(3000);
    expect(lab.clock.now()).toBeLessThan(3100);
    await bob.speak(sine(440));
    expect(await complaint(alice, () => alice.hearsSilence(500, { within: 2000 }))).toBe(
      'alice did not hear 500 ms of silence within 2 s',
    );
  });

  test('takes for silence that no packets come', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    bob.goSilent();
    alice.goSilent();
    await alice.hearsSilence(10_000);
    expect(lab.clock.now()).toBeLessThan(10_100);
  });
});

test('a call that is over ends every wait for what can be heard in it', async ({ lab }) => {
  const [alice, bob] = await called(lab);
  const waits = [
    () => alice.hears('goodbye.wav', { within: 100_000 }),
    () => alice.hearsTone(440, { within: 100_000 }),
    () => alice.hearsSilence(50_000),
    () => alice.hearsDigits('1', { within: 100_000 }),
  ];
  const complaints = waits.map((wait) => complaint(alice, wait));
  await lab.advance(1000);
  await bob.hangup();
  expect(await Promise.all(complaints)).toEqual([
    'alice did not hear goodbye.wav before the call was over (nothing like it)',
    'alice did not hear a tone of 440 Hz for 200 ms before the call was over',
    'alice did not hear 50000 ms of silence before the call was over',
    'alice did not hear the digits 1 before the call was over, but ""',
  ]);
  for (const wait of waits) expect(await complaint(alice, wait)).toMatch(/before the call was over/);
  expect(lab.clock.now()).toBeLessThan(1010);
});

describe('receives', () => {
  test('finds messages by method, status and by what they say, one after the other', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    expect((await alice.receives(180)).reason).toBe('Ringing');
    expect((await alice.receives('200')).cseq.method).toBe('INVITE');
    void bob.call?.request('INFO', { headers: [['Subject', 'a']] });
    void bob.call?.request('INFO', { headers: [['Subject', 'b']] });
    expect((await alice.receives((message) => message.header('subject') === 'b')).method).toBe('INFO');
    await bob.hangup();
    expect((await alice.receives('BYE')).at).toBe(lab.clock.now() - 1);
    expect(await complaint(alice, () => alice.receives('BYE', { within: 10 }))).toBe(
      'alice: did not receive BYE within 0.01 s',
    );
    expect(await complaint(alice, () => alice.receives(() => false, { within: 10 }))).toBe(
      'alice: did not receive the message within 0.01 s',
    );
  });

  test('waits for two at the same time, in whichever order they come', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 1000 };
    alice.invite(bob.uri);
    const [ok, ringing] = await Promise.all([alice.receives(200), alice.receives(180)]);
    expect([ok.status, ringing.status]).toEqual([200, 180]);
    expect(await complaint(alice, () => alice.receives(180, { within: 100 }))).toMatch(/did not receive 180/);
  });
});

describe('a transcript', () => {
  test('has SIP and audio on one time line', async ({ lab }) => {
    const alice = await saying(lab, 'beep.wav', 'goodbye.wav');
    await alice.ends();
    await alice.hears('goodbye.wav');
    const transcript = await alice.transcript();
    // Where a sound ends depends on how silence is told from it.
    expect(transcript.replace(/(until \d+\.\d)\d+/g, '$1…')).toMatchInlineSnapshot(`
      "      0.002  SIP/2.0 200 OK [application/sdp]
            0.005  hears beep.wav until 0.4…
            0.505  hears goodbye.wav until 2.9…
            3.025  BYE sip:alice@10.0.1.1:5060 SIP/2.0"
    `);
    expect(await lab.phone('bob').transcript()).toBe('');
  });

  test('names what was heard', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    await bob.speak(sine(440));
    await lab.advance(1000);
    bob.hush();
    await lab.advance(1000);
    const names = (await alice.hearing()).map(({ what }) => what);
    expect([names[0], names.at(-1)]).toEqual(['a tone of 440 Hz', 'silence']);
    expect(await lab.phone('carol').hearing()).toEqual([]);
    expect(alice.audio.end).toBeGreaterThan(8 * 2000);
  });
});

describe('the errors', () => {
  test('of a call that fails show the time line and the seed', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { reject: 486, rejectAfterMs: 250 };
    expect(await failure(alice, () => alice.dial(bob.uri))).toMatchInlineSnapshot(`
      "alice's call to sip:bob@10.0.1.2:5060 failed: SIP/2.0 486 Busy Here

      alice heard nothing

      time line of seed 1 (TANDEM_SEED=1 replays it)
            0.000  alice        calls sip:bob@10.0.1.2:5060
            0.000  alice → bob  INVITE sip:bob@10.0.1.2:5060 #1 SDP
            0.001  bob → alice  180 Ringing #1 INVITE
            0.251  bob → alice  486 Busy Here #1 INVITE
            0.252  alice → bob  ACK sip:bob@10.0.1.2:5060 #1"
    `);
  });

  test('of digits, silence and messages show it too', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    await alice.press('12');
    const error = await failure(bob, () => bob.hearsDigits('13'));
    expect(error).toMatch(/^bob heard the digits 12, not 13\n\nbob heard nothing\n\ntime line of seed 1 /);
    expect(error).toMatch(/alice +presses 12 \(rfc4733\)\n(?:.|\n)*bob +hears digit 1\n(?:.|\n)*bob +hears digit 2$/);
    expect(await failure(bob, () => bob.receives('BYE', { within: 100 }))).toContain('TANDEM_SEED=1');
    expect(await failure(alice, () => alice.rings({ within: 100 }))).toMatch(
      /^alice: nobody called within 0.1 s\n\nalice heard/,
    );
    expect(await failure(alice, () => alice.ends({ within: 100 }))).toMatch(
      /^alice: the call did not end within 0.1 s\n/,
    );
  });

  test('of speaking say why it cannot be', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.invite(bob.uri);
    await alice.receives(180);
    expect(await complaint(alice, () => alice.say('beep.wav'))).toBe(
      'alice cannot say beep.wav: no audio was agreed on yet',
    );
    expect(await complaint(alice, () => alice.press('1'))).toBe('alice cannot press 1: no audio was agreed on yet');
    await bob.answer();
    expect(await complaint(alice, () => alice.say(sine(440)))).toBe(
      'say() would wait for the end of a tone, which has none: use speak()',
    );
    await alice.hangup();
    expect(await complaint(alice, () => alice.speak(sine(440)))).toBe(
      'alice cannot say a tone of 440 Hz: the call is over',
    );
  });
});

describe('a phone that says something', () => {
  test('is done when it is said', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    const from = lab.clock.now();
    await alice.say(new Int16Array(16_000).fill(3000));
    expect(lab.clock.now() - from).toBeGreaterThanOrEqual(2000);
    expect(lab.clock.now() - from).toBeLessThan(2100);
    await alice.speak(prompt('message.wav'));
    expect(lab.clock.now() - from).toBeLessThan(2100);
    await bob.hears('message.wav', { ms: 300 });
    alice.hush();
    await bob.hearsSilence(1000);
  });

  test('is cut off by what it says next, and by the end of the call', async ({ lab }) => {
    const [alice, bob] = await called(lab);
    const long = alice.say('message.wav');
    await bob.hears('message.wav', { ms: 300 });
    await Promise.all([long, alice.speak(sine(440)), bob.hearsTone(440)]);
    const last = alice.say('message.wav');
    await lab.advance(300);
    await bob.hangup();
    await last;
    expect(lab.clock.now()).toBeLessThan(3000);
  });
});
