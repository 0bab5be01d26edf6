/** A recording as Ogg-Opus, without a call: what is in the file, wherever it ends. */
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeWhole, rmsLevel } from '../../media/audio/index.ts';
import { longestPage, OggReader } from '../../media/audio/ogg.ts';
import { OggOpusDecoder } from '../../media/audio/ogg-opus-decoder.ts';
import { loadOpus } from '../../media/codec/index.ts';
import { opusLibrary } from '../../media/codec/opus-library.ts';
import { OpusRecorder, opusLookahead } from '../../media/codec/opus-recorder.ts';
import { inlineRecordingCoders } from '../../media/recorder/coder.ts';
import type { FileChange, RecordingFormat } from '../../media/recording-format.ts';
import { oggRecording } from '../../media/recording-ogg.ts';
import { between, seededRandom } from '../../src/testing/index.ts';
import { correlationAt } from '../helpers/audio.ts';
import { speech } from './support/speech.ts';

const seed = 20_261_126;

beforeAll(() => loadOpus());

/** What a disk has after the changes. */
class Disk {
  bytes = new Uint8Array(0);

  apply({ bytes, position, header, size }: FileChange): void {
    expect(position).toBeLessThanOrEqual(this.bytes.length);
    const end = Math.max(this.bytes.length, position + bytes.length);
    const all = new Uint8Array(end);
    all.set(this.bytes);
    all.set(bytes, position);
    all.set(header, 0);
    this.bytes = all.slice(0, size);
  }
}

const open = (sampleRate: number, channels: 1 | 2): RecordingFormat => {
  const shape = { sampleRate, channels };
  return oggRecording(shape, 77, inlineRecordingCoders.open(shape));
};

/** Pieces of half a second, as they come from a call. */
async function record(
  format: RecordingFormat,
  pcm: Int16Array,
  { piece = 4000, keep = Number.POSITIVE_INFINITY, channels = 1 } = {},
): Promise<Disk> {
  const disk = new Disk();
  disk.apply(await format.add(new Uint8Array(0), 0));
  for (let at = 0; at < pcm.length; at += piece) {
    const samples = pcm.slice(at, at + piece);
    const known = Math.min(keep, (at + samples.length) / channels);
    disk.apply(await format.add(new Uint8Array(samples.buffer), known));
    expect(disk.bytes).toHaveLength(format.size);
  }
  const change = await format.end(Math.min(keep, pcm.length / channels));
  if (change) disk.apply(change);
  format.close();
  expect(disk.bytes).toHaveLength(format.size);
  return disk;
}

function decode(bytes: Uint8Array): Int16Array {
  const library = opusLibrary();
  if (!library) throw new Error('libopus is not there');
  const decoder = new OggOpusDecoder(library);
  const read = decodeWhole(bytes, decoder, 1e9, (count) => new Int16Array(count));
  decoder.close();
  if (!read.ok) throw new Error(read.error);
  return read.value.samples;
}

const pagesOf = (bytes: Uint8Array) => [...new OggReader().push(bytes)];

describe('an Ogg recording', () => {
  it('knows by how much the encoder is behind', () => {
    const library = opusLibrary();
    for (const rate of [8000, 16_000, 48_000]) {
      const encoder = library?._oc_create_encoder(rate, 1, 2049, library._malloc(4)) ?? 0;
      expect(library?._oc_encoder_ctl_get_lookahead(encoder)).toBe((opusLookahead * rate) / 48_000);
      library?._oc_destroy_encoder(encoder);
    }
  });

  it.each([
    [8000, 1],
    [8000, 2],
    [16_000, 1],
    [48_000, 2],
  ] as const)('at %i Hz with %i channels holds every sample, aligned', async (rate, channels) => {
    const said = speech(rate, 4).slice(0, 3 * rate + 77);
    const pcm = new Int16Array(said.length * channels);
    for (let i = 0; i < pcm.length; i++) pcm[i] = said[Math.floor(i / channels)]!;
    const disk = await record(open(rate, channels), pcm, { piece: (rate / 2) * channels, channels });
    const heard = decode(disk.bytes);
    expect(heard).toHaveLength(said.length);
    expect(correlationAt(heard, said, 0)).toBeGreaterThan(0.985);
    expect(disk.bytes.length).toBeLessThan(((40_000 * channels) / 8) * 3.2);
  });

  it('keeps the two sides apart', async () => {
    const said = speech(8000, 5).slice(0, 16_000);
    const pcm = new Int16Array(2 * said.length);
    said.forEach((sample, i) => {
      pcm[2 * i] = sample;
    });
    const library = opusLibrary()!;
    const packets = new OpusRecorder(library, 8000, 2).encode(pcm);
    const decoder = library._oc_create_decoder(8000, 2, library._malloc(4));
    const [left, right]: [number[], number[]] = [[], []];
    let at = 0;
    const [room, out] = [library._malloc(2000), library._malloc(20_000)];
    for (const length of packets.lengths) {
      library.HEAPU8.set(packets.bytes.subarray(at, at + length), room);
      at += length;
      const count = library._oc_decode(decoder, room, length, out, 160, 0);
      for (let i = 0; i < count; i++) {
        left.push(library.HEAP16[(out >> 1) + 2 * i]!);
        right.push(library.HEAP16[(out >> 1) + 2 * i + 1]!);
      }
    }
    expect(rmsLevel(Int16Array.from(left)) - rmsLevel(Int16Array.from(right))).toBeGreaterThan(30);
  });

  it('is pages of a second at most, their positions right, the last one marked', async () => {
    const disk = await record(open(8000, 1), speech(8000, 5).slice(0, 8 * 4100), { piece: 8 * 1900 });
    const pages = pagesOf(disk.bytes);
    expect(pages.reduce((sum, page) => sum + page.pieces.length, 0)).toBe(2 + 4100 / 20 + 1);
    expect(pages.map(({ sequence }) => sequence)).toEqual(pages.map((_, i) => i));
    expect(pages.map(({ first, last }) => [first, last])).toEqual(
      pages.map((_, i) => [i === 0, i === pages.length - 1]),
    );
    expect(Math.max(...pages.map(({ pieces }) => pieces.length))).toBe(50);
    let ticks = 0;
    for (const page of pages.slice(2, -1)) {
      ticks += 960 * page.pieces.length;
      expect(page.granule).toBe(ticks);
    }
    expect(pages.at(-1)?.granule).toBe(opusLookahead + 48 * 4100);
  });

  it('of nothing is a file without audio', async () => {
    const disk = await record(open(8000, 2), new Int16Array(0));
    expect(decode(disk.bytes)).toHaveLength(0);
  });

  it('plays up to where it was cut, wherever that is', async () => {
    const said = speech(8000, 5).slice(0, 32_000);
    const { bytes } = await record(open(8000, 1), said);
    const whole = decode(bytes);
    const random = seededRandom(seed);
    let longest = 0;
    for (let cut = 0; cut < 60; cut++) {
      const end = between(random, 700, bytes.length);
      const heard = decode(bytes.subarray(0, end));
      expect(whole.subarray(0, heard.length), `seed ${seed}, cut at ${end}`).toEqual(heard);
      longest = Math.max(longest, heard.length);
      // No more than the page that was cut is lost.
      expect(heard.length, `seed ${seed}, cut at ${end}`).toBeGreaterThan((end / bytes.length) * 32_000 - 6000);
    }
    expect(longest).toBeGreaterThan(20_000);
  });

  it.each([
    0, 1, 3000, 4000, 4001, 11_999, 12_000, 15_900, 15_999, 16_000,
  ])('cut off behind %i samples ends there, and what was before is as it was', async (keep) => {
    const said = speech(8000, 5).slice(0, 16_000);
    const whole = decode((await record(open(8000, 1), said)).bytes);
    const disk = await record(open(8000, 1), said, { keep });
    expect(decode(disk.bytes)).toEqual(whole.slice(0, keep));
    const pages = pagesOf(disk.bytes);
    expect(pages.filter(({ last }) => last)).toHaveLength(1);
    expect(pages.at(-1)?.last).toBe(true);
  });

  it('has pages that fit, also with the longest packets', async () => {
    const noise = seededRandom(1).bytes(2 * 48_000 * 2 * 2);
    const disk = await record(open(48_000, 2), new Int16Array(noise.buffer, noise.byteOffset, noise.length / 2), {
      piece: 192_000,
      channels: 2,
    });
    const pages = pagesOf(disk.bytes);
    expect(pages.reduce((sum, { pieces }) => sum + pieces.length, 0)).toBe(2 + 100 + 1);
    expect(disk.bytes.length).toBeLessThan(pages.length * longestPage);
  });
});
