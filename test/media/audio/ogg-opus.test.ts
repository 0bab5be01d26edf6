/** Ogg pages, and Opus in them: files of our own making, damaged, forged, chained and cut. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type CompressedDecoder, decodeWhole } from '../../../media/audio/index.ts';
import { longestPage, OggReader, oggPage } from '../../../media/audio/ogg.ts';
import { OggOpusDecoder } from '../../../media/audio/ogg-opus-decoder.ts';
import { readOpusHead, writeOpusHead, writeOpusTags } from '../../../media/audio/opus-head.ts';
import { loadOpus } from '../../../media/codec/index.ts';
import { type OpusLibrary, opusLibrary } from '../../../media/codec/opus-library.ts';
import { OpusRecorder, opusLookahead } from '../../../media/codec/opus-recorder.ts';
import type { Result } from '../../../src/base/errors.ts';
import { between, seededRandom } from '../../../src/testing/index.ts';
import { concat } from '../support/open-media.ts';
import { sineWave, snr } from './signal.ts';

const serial = 5;
const head = writeOpusHead({ channels: 1, preSkip: opusLookahead, inputRate: 8000 });
const tags = writeOpusTags('test');
const text = (value: string): Uint8Array => Uint8Array.from(value, (each) => each.charCodeAt(0));

beforeAll(() => loadOpus());

function library() {
  const loaded = opusLibrary();
  if (!loaded) throw new Error('libopus is not there');
  return loaded;
}

function packetsOf(pcm: Int16Array): Uint8Array[] {
  const recorder = new OpusRecorder(library(), 8000, 1);
  const { bytes, lengths } = recorder.encode(pcm);
  recorder.close();
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return bytes.slice(at - length, at);
  });
}

const tone = sineWave(440, 8000, 8000);
const opening = (first = head, of = serial): Uint8Array[] => [
  oggPage({ serial: of, sequence: 0, granule: 0, first: true }, [first]),
  oggPage({ serial: of, sequence: 1, granule: 0 }, [tags]),
];
const audio = (packets: readonly Uint8Array[], granule: number, options = {}): Uint8Array =>
  oggPage({ serial, sequence: 2, granule, ...options }, packets);

function decode(
  bytes: Uint8Array,
  rate?: number,
  mostBytes = 1e8,
): Result<{ samples: Int16Array; sampleRate: number }> {
  const decoder = new OggOpusDecoder(library(), rate);
  const read = decodeWhole(bytes, decoder, mostBytes, (count) => new Int16Array(count));
  decoder.close();
  return read;
}

function samplesOf(bytes: Uint8Array, rate?: number): Int16Array {
  const read = decode(bytes, rate);
  if (!read.ok) throw new Error(read.error);
  return read.value.samples;
}

function all(decoder: CompressedDecoder, chunks: readonly Uint8Array[]): number[] {
  const samples: number[] = [];
  for (const chunk of chunks) for (const piece of decoder.push(chunk)) samples.push(...piece);
  for (const piece of decoder.end()) samples.push(...piece);
  return samples;
}

describe('Ogg pages', () => {
  const pages = [
    oggPage({ serial: 1, sequence: 0, granule: 0, first: true }, [text('a'), new Uint8Array(0)]),
    oggPage({ serial: 1, sequence: 1, granule: 2 ** 40 + 5 }, [new Uint8Array(255).fill(7), new Uint8Array(600)]),
    oggPage({ serial: 1, sequence: 2, granule: 9, last: true }, [new Uint8Array(510)]),
  ];

  it('come out as they were put in, however the bytes are cut', () => {
    const bytes = concat(pages);
    for (const size of [1, 7, 100, bytes.length]) {
      const reader = new OggReader();
      const read = [];
      for (let at = 0; at < bytes.length; at += size) read.push(...reader.push(bytes.subarray(at, at + size)));
      expect(read.map(({ pieces }) => pieces.map(({ length }) => length))).toEqual([[1, 0], [255, 600], [510]]);
      expect(read.map(({ granule }) => granule)).toEqual([0, 2 ** 40 + 5, 9]);
      expect(read.map(({ first, last, open }) => [first, last, open])).toEqual([
        [true, false, false],
        [false, false, false],
        [false, true, false],
      ]);
    }
  });

  it('that are damaged are passed over, with what is between them', () => {
    const damaged = pages[1]!.slice();
    damaged[60]! ^= 1;
    const read = [...new OggReader().push(concat([pages[0]!, text('OggSOggS rubbish'), damaged, pages[2]!]))];
    expect(read.map(({ sequence }) => sequence)).toEqual([0, 2]);
  });

  it('that never come are waited for with little memory', () => {
    const reader = new OggReader();
    for (let n = 0; n < 100; n++) expect([...reader.push(new Uint8Array(10_000))]).toEqual([]);
    expect(reader.skipped).toBeGreaterThan(900_000);
  });
});

describe('Opus in Ogg', () => {
  let made: Uint8Array[] | undefined;
  const packets = (): Uint8Array[] => {
    made ??= packetsOf(tone);
    return made;
  };
  const file = (): Uint8Array => concat([...opening(), audio(packets(), opusLookahead + 6 * 7900, { last: true })]);

  it('begins behind the pre-skip and ends where its last page says', () => {
    const samples = samplesOf(file());
    expect(samples).toHaveLength(7900);
    expect(snr(samples.subarray(800, 7200), 440, 8000)).toBeGreaterThan(25);
  });

  it.each([8000, 16_000, 48_000])('is decoded at %i Hz where that is asked for', (rate) => {
    expect(samplesOf(file(), rate)).toHaveLength((7900 * rate) / 8000);
  });

  it('is the same however its bytes come', () => {
    const bytes = file();
    const whole = [...samplesOf(bytes)];
    const random = seededRandom(3);
    for (let round = 0; round < 5; round++) {
      const chunks = [];
      for (let at = 0; at < bytes.length; ) {
        const next = at + between(random, 1, 300);
        chunks.push(bytes.subarray(at, next));
        at = next;
      }
      expect(all(new OggOpusDecoder(library()), chunks)).toEqual(whole);
    }
  });

  it('may be one stream after another, and beside others', () => {
    const other = oggPage({ serial: 9, sequence: 0, granule: 0, first: true }, [text('\x01vorbis')]);
    const page = oggPage({ serial: 9, sequence: 1, granule: 0 }, [text('what Vorbis says')]);
    const [first, second] = opening();
    const one = concat([other, first!, page, second!, audio(packets(), 7 * 960, { last: true }), page]);
    expect(samplesOf(concat([one, one, file()]))).toHaveLength(2 * (7 * 160 - 52) + 7900);
  });

  it('may be cut out of a longer stream', () => {
    const later = audio(packets(), 48_000 * 60 + 50 * 960);
    const end = oggPage({ serial, sequence: 3, granule: 48_000 * 60 + 51 * 960, last: true }, packets().slice(0, 5));
    expect(samplesOf(concat([...opening(), later, end]))).toHaveLength(51 * 160 - 52);
  });

  it('has packets over several pages', () => {
    const packet = packets()[3]!;
    const long = concat([text('OpusTags'), new Uint8Array(300_000)]);
    const [first] = opening();
    const parts = [];
    for (let at = 0, sequence = 1; at < long.length; sequence++) {
      // A page of 255 × 255 bytes, all of one packet that goes on.
      const piece = long.subarray(at, at + 255 * 255);
      const whole = oggPage({ serial, sequence, granule: 0 }, [piece]);
      parts.push(piece.length === 255 * 255 ? opened(piece, sequence, at > 0) : continued(whole));
      at += piece.length;
    }
    const bytes = concat([first!, ...parts, oggPage({ serial, sequence: 6, granule: 960 }, [packet])]);
    expect(samplesOf(bytes)).toHaveLength(160 - 52);
  });

  it('is as loud as its header says', () => {
    const quiet = head.slice();
    new DataView(quiet.buffer).setInt16(16, -6 * 256, true);
    const samples = samplesOf(concat([...opening(quiet), audio(packets(), opusLookahead + 48_000, { last: true })]));
    const loud = samplesOf(concat([...opening(), audio(packets(), opusLookahead + 48_000, { last: true })]));
    expect(Math.max(...samples) / Math.max(...loud)).toBeCloseTo(10 ** (-6 / 20), 2);
  });

  it('goes on behind what is lost, and is silent where a packet is none', () => {
    const broken = packets().map((packet, i) => (i === 20 ? new Uint8Array([0xfb, 0x40, 1, 2]) : packet));
    const samples = samplesOf(concat([...opening(), audio(broken, 50 * 960)]));
    expect(samples.length).toBeGreaterThan(49 * 160 - 52 - 1);
  });

  const others = ['\x01vorbis', '\x7fFLAC', 'Speex   ', 'fishead\0'];
  it.each<readonly [string, () => Uint8Array, string]>([
    ['not Ogg', () => text('RIFF1234WAVE'), 'it is not an Ogg file'],
    ['nothing', () => new Uint8Array(0), 'it is not an Ogg file'],
    ['a header alone', () => opening()[0]!, 'it ends before its audio'],
    ['no tags', () => concat([opening()[0]!, audio(packets(), 960)]), 'it has no OpusTags behind its OpusHead'],
    ...others.map(
      (magic, i) =>
        [
          `another codec ${i}`,
          () =>
            concat([
              oggPage({ serial, sequence: 0, granule: 0, first: true }, [text(magic)]),
              ...opening(text(magic), 6),
            ]),
          `it is Ogg with ${['Vorbis', 'FLAC', 'Speex', 'something'][i]} in it, and not with Opus`,
        ] as const,
    ),
  ])('says what is wrong with %s', (_name, bytes, error) => {
    expect(decode(bytes())).toEqual({ ok: false, error });
  });

  it.each([
    [(view: DataView) => view.setUint8(8, 16), 'version 16'],
    [(view: DataView) => view.setUint8(9, 6), '6 channels'],
    [(view: DataView) => view.setUint8(9, 0), '0 channels'],
    [(view: DataView) => view.setUint8(18, 1), 'channel mapping (family 1)'],
  ] as const)('refuses a header that is not for us: %#', (change, error) => {
    const wrong = head.slice();
    change(new DataView(wrong.buffer));
    expect(readOpusHead(wrong)).toEqual({ ok: false, error: expect.stringContaining(error) });
    expect(decode(concat(opening(wrong)))).toEqual({ ok: false, error: expect.stringContaining(error) });
    expect(readOpusHead(wrong.subarray(0, 18))).toMatchObject({ ok: false });
  });

  it('gives up on tags without end, chains without end, and garbage', () => {
    const endless = new OggOpusDecoder(library());
    const feed = (bytes: Uint8Array): void => {
      for (const piece of endless.push(bytes)) piece.at(0);
    };
    feed(opening()[0]!);
    const part = concat([text('OpusTags'), new Uint8Array(255 * 255 - 8)]);
    const page = opened(part, 1, false);
    for (let n = 0; n < 300; n++) feed(page);
    expect(endless.failure).toBe('its header is larger than 16 MB');

    const chain = new OggOpusDecoder(library());
    const link = concat(Array.from({ length: 1000 }, () => concat(opening())));
    for (let n = 0; n < 11; n++) for (const piece of chain.push(link)) piece.at(0);
    expect(chain.failure).toBe('it is a chain of more than 10000 streams');

    const garbage = new OggOpusDecoder(library());
    for (const piece of garbage.push(concat([file(), new Uint8Array(longestPage + 10)]))) piece.at(0);
    expect(garbage.failure).toBe('it is damaged: where a page should be is none');
  });

  it('that nobody hears is not decoded', () => {
    let decoded = 0;
    const counting: OpusLibrary = Object.create(library(), {
      _oc_decode: {
        value: (...options: Parameters<OpusLibrary['_oc_decode']>) => {
          decoded++;
          return library()._oc_decode(...options);
        },
      },
    });
    const decoder = new OggOpusDecoder(counting);
    const packet = new Uint8Array([(16 << 3) | 3, 48]);
    const page = audio(
      Array.from({ length: 255 }, () => packet),
      0,
      { last: true },
    );
    for (const bytes of [...opening(), page]) for (const piece of decoder.push(bytes)) expect(piece).toHaveLength(0);
    expect(decoded).toBe(0);
    for (const bytes of [...opening(), audio(packets(), 50 * 960)])
      for (const piece of decoder.push(bytes)) piece.at(0);
    expect(decoded).toBe(packets().length);
    expect(decoder.failure).toBeUndefined();
  });

  it('of few bytes that say hours is refused', () => {
    // Code 3, CBR, 48 frames of 2.5 ms, each of no bytes: 120 ms in two bytes.
    const packet = new Uint8Array([(16 << 3) | 3, 48]);
    const page = audio(
      Array.from({ length: 255 }, () => packet),
      0,
    );
    const bytes = concat([...opening(), ...Array.from({ length: 20 }, () => page)]);
    expect(bytes.length).toBeLessThan(20_000);
    expect(decode(bytes, undefined, 1_000_000)).toEqual({
      ok: false,
      error: 'decoded it is larger than 0 MB: play it as a stream',
    });
  });
});

const crcOf = (page: Uint8Array): Uint8Array => {
  // Through the writer's own checksum there is no way to set flags: it is made again.
  let crc = 0;
  page.fill(0, 22, 26);
  for (const byte of page) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  new DataView(page.buffer).setUint32(22, crc >>> 0, true);
  return page;
};

/** A page whose packet goes on in the next. */
function opened(piece: Uint8Array, sequence: number, continues: boolean): Uint8Array {
  const page = new Uint8Array(27 + 255 + piece.length);
  page.set(oggPage({ serial, sequence, granule: 0 }, []));
  page.fill(255, 26, 27 + 255);
  page.set(piece, 27 + 255);
  page[5] = continues ? 1 : 0;
  page.fill(255, 6, 14);
  return crcOf(page);
}

function continued(page: Uint8Array): Uint8Array {
  const changed = page.slice();
  changed[5]! |= 1;
  return crcOf(changed);
}
