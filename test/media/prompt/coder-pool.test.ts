import { afterEach, describe, expect, it } from 'vitest';
import { inlineCoder, PromptCoderPool } from '../../../media/prompt/coder.ts';
import { wav } from '../audio/wav-bytes.ts';

const pools: PromptCoderPool[] = [];
const pool = (size?: number) => {
  const made = new PromptCoderPool(size);
  pools.push(made);
  return made;
};
afterEach(async () => {
  await Promise.all(pools.splice(0).map((each) => each.close()));
});

const codec = { name: 'PCMA', clockRate: 8000, channels: 1 };
const bytes = wav(
  { tag: 1, channels: 1, sampleRate: 16_000, bits: 16 },
  new Uint8Array(3200).map((_, i) => i % 251),
);
const job = { name: 'hi.wav', bytes, type: 'audio/wav', options: {} } as const;

describe('PromptCoderPool', () => {
  it('makes in its threads what is made in place', async () => {
    const coder = pool(2);
    const [here, there] = [await inlineCoder.decode(job), await coder.decode(job)];
    expect(there.samples).toBeInstanceOf(SharedArrayBuffer);
    expect(new Uint8Array(there.samples)).toEqual(new Uint8Array(here.samples));
    const jobs = Array.from({ length: 5 }, () => coder.encode({ prompt: there, codec }));
    const expected = new Uint8Array(await inlineCoder.encode({ prompt: here, codec }));
    for (const payload of await Promise.all(jobs)) expect(new Uint8Array(payload)).toEqual(expected);
  });

  it('brings errors over as they are', async () => {
    const expected = { code: 'ERR_AUDIO_FORMAT', message: expect.stringContaining('cannot play bad.wav') };
    await expect(pool().decode({ ...job, name: 'bad.wav', bytes: new Uint8Array(3) })).rejects.toMatchObject(expected);
    const prompt = await inlineCoder.decode(job);
    const g729 = { name: 'G729', clockRate: 8000, channels: 1 };
    await expect(pool().encode({ prompt, codec: g729 })).rejects.toMatchObject({ code: 'ERR_AUDIO_FORMAT' });
  });

  it('loads Opus when a prompt is to be in it', async () => {
    const prompt = await inlineCoder.decode(job);
    const opus = { name: 'OPUS', clockRate: 48_000, channels: 2, fmtp: 'maxaveragebitrate=24000' };
    const payload = await pool().encode({ prompt, codec: opus });
    const blocks = Math.ceil(prompt.length / prompt.sampleRate / 0.02);
    expect(payload.byteLength).toBe(60 * blocks);
  });

  it('closes twice, before it began, and in the middle of work', async () => {
    const idle = pool();
    await Promise.all([idle.close(), idle.close()]);
    await expect(idle.decode(job)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    const busy = pool();
    const failed = expect(busy.decode(job)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await busy.close();
    await failed;
  });
});
