/** Conferences on real sockets, in this thread and in others. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pcmu } from '../../../media/codec/index.ts';
import type { Media, MediaLeg } from '../../../media/index.ts';
import { seqDiff } from '../../../media/rtp/sequence.ts';
import { bestSine, sineWave } from '../audio/signal.ts';
import { openMedia } from '../support/open-media.ts';
import { Phone } from '../support/phone.ts';

const codec = pcmu();

interface Speaker {
  readonly phone: Phone;
  readonly leg: MediaLeg;
  /** Hz */
  readonly tone: number;
}

/** Each says its tone, a packet for each that it hears, until all have heard so many: nobody is silent before. */
async function talk(speakers: readonly Speaker[], packets: number): Promise<void> {
  const ends = speakers.map(({ phone }) => phone.heard.length + packets);
  const isOver = (): boolean => speakers.every(({ phone }, i) => phone.heard.length >= ends[i]!);
  const speak = async ({ phone, leg, tone }: Speaker): Promise<void> => {
    const payload = new Uint8Array(160);
    codec.encode(sineWave(tone, 8000, 160, 6000), payload);
    for (let sequence = phone.heard.length; !isOver(); sequence++) {
      phone.send({ sequence, timestamp: sequence * 160, payload, ssrc: tone }, leg.port);
      await phone.hears(sequence + 1);
    }
  };
  await Promise.all(speakers.map(speak));
}

/** RMS of a tone in the last 400 ms: the median of pieces, for a late packet moves what follows. */
function level(phone: Phone, frequency: number): number {
  const payload = Buffer.concat(phone.heard.slice(-20).map((packet) => packet.payload));
  const samples = new Int16Array(payload.length);
  codec.decode(payload, samples);
  const pieces = Array.from({ length: 10 }, (_, i) =>
    Math.sqrt(bestSine(samples.subarray(i * 320, (i + 1) * 320), frequency, 8000).power),
  );
  return pieces.sort((one, other) => one - other)[5]!;
}

/** Hz: each goes on in the next packet. */
const tones = [400, 700, 1100];

/** One of each tone. */
async function callers(media: Media): Promise<{ phones: Phone[]; legs: MediaLeg[]; speakers: Speaker[] }> {
  const count = tones.length;
  const phones = await Promise.all(Array.from({ length: count }, () => Phone.open()));
  const legs = await Promise.all(phones.map((_, i) => media.createLeg({ bindAddress: '127.0.0.1', callId: `${i}` })));
  for (const [i, leg] of legs.entries()) leg.negotiate(phones[i]!.audio());
  const speakers = tones.map((tone, i) => ({ tone, phone: phones[i]!, leg: legs[i]! }));
  return { phones, legs, speakers };
}

async function allHear(speakers: readonly Speaker[]): Promise<void> {
  await talk(speakers, 50);
  for (const [i, { phone }] of speakers.entries())
    for (const [j, tone] of tones.entries())
      if (i !== j) expect(level(phone, tone), `${i} hears ${j}`).toBeGreaterThan(2000);
      else expect(level(phone, tone), `${i} hears itself`).toBeLessThan(300);
}

describe.each([0, 1, 2])('with %i workers', (workers) => {
  it('members of all threads hear each other, and nothing is left when they go', async () => {
    await using media = await openMedia({ workers });
    const { phones, legs, speakers } = await callers(media);
    expect(new Set(legs.map(({ worker }) => worker)).size).toBe(Math.max(1, workers));
    const conference = media.createConference();
    for (const leg of legs) conference.add(leg);
    expect(conference.worker).toBe(legs[0]!.worker);
    await allHear(speakers);
    const [first, last] = [legs[0]!, legs[2]!];
    conference.remove(first);
    conference.mute(last, true);
    await talk([speakers[1]!], 30);
    for (const tone of [400, 1100]) expect(level(phones[1]!, tone)).toBeLessThan(10);
    await conference.close();
    expect(await media.counts()).toMatchObject({ conferences: 0, legs: 3 });
    await Promise.all(phones.map((phone) => phone.close()));
  });
});

describe('a worker that dies', () => {
  it.each(['of the conference', 'of a member'])('%s is replaced, and all hear each other again', async (which) => {
    const folder = await mkdtemp(join(tmpdir(), 'tandem-conference-'));
    try {
      const entry = join(folder, 'dying.ts');
      const target = new URL('../../../media/host/engine-thread.ts', import.meta.url).href;
      await writeFile(
        entry,
        `import { parentPort } from 'node:worker_threads';
         import ${JSON.stringify(target)};
         parentPort.on('message', (batch) => {
           if (Array.isArray(batch) && batch.some(({ playback }) => playback === 'the last')) throw new Error('planted');
         });`,
      );
      await using media = await openMedia({ workers: 2 }, { workerEntry: pathToFileURL(entry) });
      const { phones, legs, speakers } = await callers(media);
      const conference = media.createConference();
      for (const leg of legs) conference.add(leg);
      const recording = conference.record(join(folder, 'room.wav'));
      // Long enough for the state of each leg to have been told.
      await talk(speakers, 130);
      const doomed = which === 'of a member' ? legs[1]! : legs[0]!;
      const interrupted = new Promise((resolve) => {
        doomed.onInterrupted = resolve;
      });
      const before = phones.map(({ heard }) => heard.at(-1)!);
      doomed.link.send({ type: 'play.control', leg: doomed.id, playback: 'the last', control: { do: 'stop' } });
      await interrupted;
      await Promise.all(phones.map((phone) => phone.hears(phone.heard.length + 10)));
      await allHear(speakers);
      for (const [i, { heard }] of phones.entries()) {
        expect(new Set(heard.map(({ ssrc }) => ssrc)).size).toBe(1);
        expect(seqDiff(heard.at(-1)!.sequence, before[i]!.sequence)).toBeGreaterThan(0);
      }
      if (which === 'of a member') await expect(recording.close()).resolves.toMatchObject({ end: 'stopped' });
      else await expect(recording.done).rejects.toMatchObject({ code: 'ERR_MEDIA_WORKER' });
      expect(await media.counts()).toMatchObject({ conferences: 1, legs: 3 });
      await Promise.all(phones.map((phone) => phone.close()));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
