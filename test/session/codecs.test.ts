import { readFileSync } from 'node:fs';
import { describe } from 'vitest';
import { resample } from '../../media/audio/index.ts';
import type { Lab, LabTandemOptions, Phone } from '../../src/testing/index.ts';
import { readWav } from '../helpers/audio.ts';
import { expect, prompts, test } from '../helpers/lab.ts';
import { correlation } from '../media/support/speech.ts';

const events = 'telephone-event';
const all = { media: { codecs: ['PCMU', 'PCMA', 'G722', 'L16/16000', 'opus/48000/2', events] } };

function bridge(lab: Lab, options: LabTandemOptions = all) {
  return lab.serve(async (call, tandem) => {
    const agent = await call.invite(`sip:bob@10.0.1.2`, { transcode: true });
    await using joined = await tandem.bridge(call, agent, { transcode: true });
    await joined.ended;
  }, options);
}

/** Without the silence before it, but for the first 50 ms. */
function fromOnset(samples: Int16Array): Int16Array {
  return samples.subarray(Math.max(0, samples.findIndex((sample) => Math.abs(sample) > 1000) - 400));
}

describe.each([
  ['Opus', ['opus/48000/2', `${events}/48000`], 48_000],
  ['G.722', ['G722', events], 16_000],
  ['L16 of 16 kHz', ['L16/16000', `${events}/16000`], 16_000],
])('a caller that speaks %s', (_, codecs, rate) => {
  test('hears a prompt, is heard, presses keys, and is recorded', async ({ lab }) => {
    const alice = lab.phone('alice', { codecs });
    const told = Promise.withResolvers<unknown>();
    await lab.serve(async (call) => {
      await call.answer();
      await using recording = call.recording('/all.wav', { channels: 1, direction: 'in' });
      await call.playback().play('prompts/goodbye.wav');
      const { digits } = await call.gather({ digits: 2, timeout: 60_000 });
      const { codec } = await call.stats();
      told.resolve([digits, codec, (await recording.close()).end]);
    }, all);
    await alice.dial('1000');
    await alice.hears('goodbye.wav');
    await alice.say('no-input.wav');
    await alice.press('42');
    const [digits, codec, end] = (await lab.run(told.promise)) as string[];
    expect([digits, end]).toEqual(['42', 'stopped']);
    expect(codec?.toLowerCase()).toContain(codecs[0]?.toLowerCase());
    const { samples, sampleRate } = readWav(lab.files.get('/all.wav'));
    expect(sampleRate).toBe(rate);
    const said = readWav(readFileSync(new URL('no-input.wav', prompts)));
    const heard = fromOnset(resample(samples, sampleRate, 8000));
    expect(correlation(fromOnset(said.samples), heard, 8000)).toBeGreaterThan(0.95);
    await alice.ends();
  });

  test('talks to one that speaks PCMU, digits both ways', async ({ lab }) => {
    const alice = lab.phone('alice', { codecs });
    const bob = lab.phone('bob', { codecs: ['PCMU', events], address: '10.0.1.2' });
    bob.onCall = { answerAfterMs: 0 };
    await bridge(lab);
    await alice.dial('1000');
    await bob.isUp();
    await alice.say('goodbye.wav');
    await bob.hears('goodbye.wav');
    await bob.say('no-input.wav');
    await alice.hears('no-input.wav');
    await alice.press('159#');
    await bob.hearsDigits('159#');
    await bob.press('0D*');
    await alice.hearsDigits('0D*');
    await bob.say('goodbye.wav');
    await alice.hears('goodbye.wav');
    await alice.hangup();
    await bob.ends();
  });
});

test('Opus and G.722 talk to each other', async ({ lab }) => {
  const alice = lab.phone('alice', { codecs: ['opus/48000/2'] });
  const bob = lab.phone('bob', { codecs: ['G722'], address: '10.0.1.2' });
  bob.onCall = { answerAfterMs: 0 };
  await bridge(lab);
  await alice.dial('1000');
  await bob.isUp();
  await alice.say('goodbye.wav');
  await bob.hears('goodbye.wav');
  await bob.say('goodbye.wav');
  await alice.hears('goodbye.wav');
  await alice.hangup();
});

describe('an offer', () => {
  test('of ours has Opus as every phone writes it, and events on each clock', async ({ lab }) => {
    const bob = lab.phone('bob', { codecs: ['opus/48000/2', events] });
    bob.onCall = { answerAfterMs: 0 };
    const tandem = await lab.serve(() => {}, { media: { codecs: ['opus', 'PCMU', events] } });
    await lab.run(tandem.invite(bob.uri));
    const body = (await bob.receives('INVITE')).body;
    expect(body).toMatch(/m=audio \d+ RTP\/AVP 96 0 97 101\r\n/);
    expect(body).toContain('a=rtpmap:96 opus/48000/2\r\na=fmtp:96 minptime=10;useinbandfec=1\r\n');
    expect(body).toContain('a=rtpmap:97 telephone-event/48000\r\n');
    expect(body).toContain('a=rtpmap:101 telephone-event/8000\r\n');
  });

  test('of comfort noise is made where the settings want it, and to a second leg where the first has it', async ({
    lab,
  }) => {
    const noisy = { media: { codecs: ['PCMU', 'PCMA', events], comfortNoise: true } };
    const agents = ['10.0.9.1', '10.0.9.2', '10.0.9.3'].map((address, i) => {
      const agent = lab.phone(`agent${i}`, { codecs: ['PCMU', 'CN'], address });
      agent.onCall = { answerAfterMs: 0 };
      return agent;
    });
    const [first, second, third] = agents as [Phone, Phone, Phone];
    const tandem = await lab.serve(async (call, served) => {
      const agent = await call.invite(call.toUser === '1' ? second.uri : third.uri);
      await using joined = await served.bridge(call, agent);
      await joined.ended;
    }, noisy);
    await lab.run(tandem.invite(first.uri, { codecs: ['PCMU'] }));
    await lab.phone('alice', { codecs: ['PCMU', 'CN'] }).dial('1');
    await lab.phone('carol', { codecs: ['PCMU'] }).dial('2');
    const offered = await Promise.all(agents.map(async (agent) => (await agent.receives('INVITE')).body));
    expect(offered.map((body) => /m=audio \d+ RTP\/AVP (.*)\r/.exec(body)?.[1])).toEqual(['0 13', '0 101', '0']);
  });

  test('of Opus for one call needs Opus in media.codecs, too', async ({ lab }) => {
    const bob = lab.phone('bob');
    const tandem = await lab.serve(() => {});
    await expect(lab.run(tandem.invite(bob.uri, { codecs: ['opus'] }))).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: 'a call can only speak opus where media.codecs has it, too',
    });
  });
});
