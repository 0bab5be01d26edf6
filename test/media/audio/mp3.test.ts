/** MP3: two files that lame made (`files/`), and what may be around and between their frames. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeWhole } from '../../../media/audio/index.ts';
import { Mp3Decoder } from '../../../media/audio/mp3-decoder.ts';
import { id3Bytes, readMp3Header } from '../../../media/audio/mp3-frame.ts';
import { Mpg123 } from '../../../media/audio/mpg123.ts';
import type { Result } from '../../../src/base/errors.ts';
import { seededRandom } from '../../../src/testing/index.ts';
import { concat } from '../support/open-media.ts';
import { snr } from './signal.ts';

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`files/${name}`, import.meta.url)));
/** 1 s of 440 Hz, VBR, with its length in a LAME tag. */
const vbr = read('vbr-8000.mp3');
/** 0.5 s of 440 Hz, both channels, behind an ID3 tag. */
const stereo = read('stereo-44100.mp3');

async function open(): Promise<Mp3Decoder> {
  const mpg123 = await Mpg123.open();
  if (!mpg123) throw new Error('mpg123 is not there');
  return new Mp3Decoder(mpg123);
}

beforeAll(async () => (await open()).close());

async function decode(bytes: Uint8Array): Promise<Result<{ samples: Int16Array; sampleRate: number }>> {
  const decoder = await open();
  const result = decodeWhole(bytes, decoder, 1e8, (count) => new Int16Array(count));
  decoder.close();
  return result;
}

async function samplesOf(bytes: Uint8Array): Promise<Int16Array> {
  const result = await decode(bytes);
  if (!result.ok) throw new Error(result.error);
  return result.value.samples;
}

const id3 = (bytes: number, flags = 0): Uint8Array => {
  const tag = new Uint8Array(10 + bytes);
  tag.set([0x49, 0x44, 0x33, 4, 0, flags, bytes >> 21, (bytes >> 14) & 127, (bytes >> 7) & 127, bytes & 127]);
  return tag.fill(0xff, 10); // looks like frames
};

describe('MP3', () => {
  it('is as long as it was before, at its own rate, and sounds the same', async () => {
    const mono = await samplesOf(vbr);
    expect(mono).toHaveLength(8000);
    expect(snr(mono.subarray(800, 7200), 440, 8000)).toBeGreaterThan(30);
    expect(Math.max(...mono)).toBeGreaterThan(14_000);
    const mixed = await decode(stereo);
    expect(mixed).toMatchObject({ ok: true, value: { sampleRate: 44_100 } });
    const { samples } = (mixed as Extract<typeof mixed, { ok: true }>).value;
    expect(samples).toHaveLength(22_050);
    expect(snr(samples.subarray(4000, 20_000), 440, 44_100)).toBeGreaterThan(30);
  });

  it('is the same however its bytes come', async () => {
    const whole = await samplesOf(vbr);
    for (const size of [1, 100, 1000]) {
      const decoder = await open();
      const samples: number[] = [];
      for (let at = 0; at < vbr.length; at += size)
        for (const piece of decoder.push(vbr.subarray(at, at + size))) samples.push(...piece);
      for (const piece of decoder.end()) samples.push(...piece);
      expect(samples).toEqual([...whole]);
      decoder.close();
    }
  });

  it('may have tags in front and behind, and rubbish in between', async () => {
    const whole = await samplesOf(vbr);
    const tail = concat([Uint8Array.from('TAG', (each) => each.charCodeAt(0)), new Uint8Array(125)]);
    expect(await samplesOf(concat([id3(5000), id3(300_000), vbr, tail]))).toEqual(whole);
    const middle = vbr.findIndex((_, at) => at > 1500 && readMp3Header(vbr, at) !== undefined);
    const torn = await samplesOf(concat([vbr.subarray(0, middle), seededRandom(1).bytes(999), vbr.subarray(middle)]));
    expect(torn.length).toBeGreaterThan(7000);
    expect(torn.length).toBeLessThanOrEqual(8000);
  });

  it('may end anywhere', async () => {
    const whole = await samplesOf(vbr);
    const cut = await samplesOf(vbr.subarray(0, 2000));
    expect(cut.length).toBeGreaterThan(2000);
    expect(whole.subarray(0, cut.length - 1152)).toEqual(cut.subarray(0, -1152));
  });

  it.each([
    ['nothing', new Uint8Array(0), 'it is not an MP3'],
    ['noise', seededRandom(2).bytes(100_000), 'it is not an MP3'],
    ['a tag of 200 MB', Uint8Array.of(0x49, 0x44, 0x33, 4, 0, 0, 100, 0, 0, 0), 'its ID3 tag is larger than 16 MB'],
    ['rubbish behind', concat([vbr, new Uint8Array(70_000)]), 'it is damaged'],
    ['another rate behind', concat([vbr, stereo]), 'its sample rate changes from 8000 to 44100 Hz'],
  ])('says what is wrong with %s', async (_name, bytes, error) => {
    expect(await decode(bytes)).toEqual({ ok: false, error });
  });

  it('has frames of lengths that its header says', () => {
    expect(readMp3Header(Uint8Array.of(0xff, 0xfb, 0x90, 0xc4), 0)).toEqual({
      bytes: 417,
      sampleRate: 44_100,
      channels: 1,
    });
    expect(readMp3Header(Uint8Array.of(0xff, 0xfb, 0x92, 0x04), 0)).toEqual({
      bytes: 418,
      sampleRate: 44_100,
      channels: 2,
    });
    expect(readMp3Header(Uint8Array.of(0xff, 0xf3, 0x84, 0xc4), 0)).toMatchObject({ bytes: 192, sampleRate: 24_000 });
    expect(readMp3Header(Uint8Array.of(0xff, 0xe3, 0x18, 0xc4), 0)).toMatchObject({ bytes: 72, sampleRate: 8000 });
    for (const header of [
      [0xff, 0xfd, 0x90, 0xc4], // Layer II
      [0xff, 0xfb, 0x00, 0xc4], // free format
      [0xff, 0xfb, 0xf0, 0xc4],
      [0xff, 0xfb, 0x9c, 0xc4], // no rate
      [0xff, 0xeb, 0x90, 0xc4], // no version
    ])
      expect(readMp3Header(Uint8Array.from(header), 0)).toBeUndefined();
    expect(id3Bytes(id3(300, 0x10), 0)).toBe(320);
    expect(id3Bytes(vbr.subarray(20), 0)).toBe(0);
  });
});
