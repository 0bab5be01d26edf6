/**
 * A recording as Ogg-Opus (RFC 7845). Pages are only ever added, one for each piece of audio and none longer than a
 * second, so a file that ends anywhere plays up to there. What is cut off at the end is cut out of its last page, which
 * is why the page with the end of what was heard is kept in mind.
 */

import type { FileEditor } from '../src/base/io.ts';
import { lacingOf, OggReader, oggPage } from './audio/ogg.ts';
import { readOpusHead, writeOpusHead, writeOpusTags } from './audio/opus-head.ts';
import { opusFrameMs, opusLookahead } from './codec/opus-recorder.ts';
import type { RecordingCoder } from './recorder/coder.ts';
import type { FileChange, PcmShape, RecordingFormat } from './recording-format.ts';
import { gapsWith, notOurs, type RecordingGap, type Resume } from './recording-resume.ts';

const clockRate = 48_000;
const frameTicks = (clockRate * opusFrameMs) / 1000;
const mostPackets = 1000 / opusFrameMs;
const none = new Uint8Array(0);
/** Bytes of the comments that tell of gaps: `TANDEM_GAP=12340+1240`, ms. Players do not know them. */
const gapRoom = 512;
const readBytes = 64 * 1024;
/** Silence that lasts is the same packet again and again, once the encoder has come to rest. */
const restFrames = 10;

/** A page that was written: where it lies, and what it begins with. */
interface Page {
  readonly position: number;
  readonly sequence: number;
  /** Ticks of 48 kHz before it. */
  readonly start: number;
  readonly packets: readonly Uint8Array[];
}

/** @param newSerial of the stream in a new file. @param resume goes on in a file */
export function oggRecording(
  { sampleRate, channels }: PcmShape,
  newSerial: number,
  coder: RecordingCoder,
  resume?: Resume,
): RecordingFormat {
  let serial = newSerial;
  const frameValues = ((sampleRate * opusFrameMs) / 1000) * channels;
  const ticksPerSample = clockRate / sampleRate;
  let size = 0;
  let sequence = 0;
  let added = 0;
  let ticks = 0;
  /** Audio that fills no frame yet. */
  let rest = new Int16Array(0);
  let kept: Page | undefined;

  /** RFC 7845 §4: the position of a page is that of its last sample, with those that are skipped. */
  const granuleOf = (samples: number): number => opusLookahead + samples * ticksPerSample;

  function headers(gaps: readonly RecordingGap[] = []): Uint8Array {
    const head = writeOpusHead({ channels, preSkip: opusLookahead, inputRate: sampleRate });
    const first = oggPage({ serial, sequence: 0, granule: 0, first: true }, [head]);
    const second = oggPage({ serial, sequence: 1, granule: 0 }, [
      writeOpusTags(
        'Tandem',
        gapRoom,
        gaps.map(({ atMs, forMs }) => `TANDEM_GAP=${atMs}+${forMs}`),
      ),
    ]);
    return joined([first, second]);
  }

  async function encode(pcm: Int16Array<ArrayBuffer>): Promise<Uint8Array[]> {
    const { bytes, lengths } = await coder.encode(pcm);
    let at = 0;
    return lengths.map((length) => {
      at += length;
      return bytes.subarray(at - length, at);
    });
  }

  /** @param last where the recording ends, if that is in them */
  function pagesOf(packets: readonly Uint8Array[], keep: number, last?: number): Uint8Array {
    const pages: Uint8Array[] = [];
    let position = size;
    for (let from = 0; from < packets.length; ) {
      let to = from;
      for (let lacing = 0; to < packets.length && to - from < mostPackets; to++) {
        lacing += lacingOf(packets[to]!.length);
        if (lacing > 255) break;
      }
      const some = packets.slice(from, to);
      if (granuleOf(keep) > ticks) kept = { position, sequence, start: ticks, packets: some };
      ticks += frameTicks * some.length;
      from = to;
      const ends = last !== undefined && from === packets.length;
      const page = oggPage({ serial, sequence: sequence++, granule: ends ? last : ticks, last: ends }, some);
      pages.push(page);
      position += page.length;
    }
    return joined(pages);
  }

  function append(bytes: Uint8Array): FileChange {
    const position = size;
    size += bytes.length;
    return { bytes, position, header: none };
  }

  async function goOn({ open, samples, gaps: before, onOpened }: Resume): Promise<FileChange> {
    const found = await whatIsWhole(await open(), channels, sampleRate);
    ({ serial, size, ticks } = found);
    sequence = found.sequence + 1;
    const start = ticks / ticksPerSample;
    const all = Math.max(start, samples);
    const gaps = gapsWith(before, start, all, sampleRate);
    added = all;
    onOpened(all, gaps);
    const missing = Math.round(all - start);
    const frames = Math.floor((missing * channels) / frameValues);
    rest = new Int16Array(missing * channels - frames * frameValues);
    const packets = await encode(new Int16Array(Math.min(frames, restFrames) * frameValues));
    while (packets.length < frames) packets.push(packets.at(-1)!);
    const change = append(pagesOf(packets, all));
    const head = headers(gaps);
    return { ...change, header: head.length === found.headBytes ? head : none, size };
  }

  return {
    get size() {
      return size;
    },
    async add(pcm, keep) {
      if (sequence === 0 && resume) return goOn(resume);
      if (sequence === 0) {
        sequence = 2;
        return append(headers());
      }
      const samples = new Int16Array(rest.length + pcm.length / 2);
      samples.set(rest);
      samples.set(new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length / 2), rest.length);
      added += pcm.length / 2 / channels;
      const whole = samples.length - (samples.length % frameValues);
      rest = samples.slice(whole);
      return append(pagesOf(whole === 0 ? [] : await encode(samples.slice(0, whole)), keep));
    },
    async end(keep) {
      const end = granuleOf(Math.min(keep, added));
      if (kept && end <= ticks) {
        const packets = kept.packets.slice(0, Math.ceil((end - kept.start) / frameTicks));
        const bytes = oggPage({ serial, sequence: kept.sequence, granule: end, last: true }, packets);
        size = kept.position + bytes.length;
        return { bytes, position: kept.position, header: none, size };
      }
      // The rest, and silence that brings out what the encoder still holds.
      const frames = Math.ceil((end - ticks) / frameTicks);
      const samples = new Int16Array(frames * frameValues);
      samples.set(rest.subarray(0, samples.length));
      return append(pagesOf(await encode(samples), keep, end));
    },
    close: () => coder.close(),
  };
}

interface WhatIsWhole {
  readonly serial: number;
  /** Of the last whole page. */
  readonly sequence: number;
  /** Ticks of 48 kHz that are in it. */
  readonly ticks: number;
  readonly size: number;
  readonly headBytes: number;
}

/** Where the last whole page ends, and what it says. @throws TandemError ERR_FILE for another file than was recorded */
async function whatIsWhole(file: FileEditor, channels: number, sampleRate: number): Promise<WhatIsWhole> {
  const reader = new OggReader();
  let serial: number | undefined;
  let [sequence, ticks, size, headBytes, position] = [-1, 0, 0, 0, 0];
  while (position < file.size) {
    const bytes = await file.read(position, readBytes);
    if (bytes.length === 0) break;
    position += bytes.length;
    for (const page of reader.push(bytes)) {
      if (page.sequence === 0) {
        const head = readOpusHead(page.pieces[0] ?? none);
        if (!head.ok) throw notOurs(head.error);
        if (head.value.channels !== channels || head.value.inputRate !== sampleRate)
          throw notOurs('the file has audio of another kind');
        serial = page.serial;
      }
      // What is behind a damaged page is not ours to put together.
      if (page.skipped > 0 || page.serial !== serial || page.sequence !== sequence + 1) return whole();
      if (page.last) throw notOurs('the file is finished');
      sequence = page.sequence;
      ticks = page.granule;
      size += page.bytes;
      if (sequence <= 1) headBytes = size;
    }
  }
  return whole();

  function whole(): WhatIsWhole {
    if (serial === undefined || sequence < 1) throw notOurs('the file has no head of Ogg-Opus');
    return { serial, sequence, ticks, size, headBytes };
  }
}

function joined(pages: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pages.reduce((sum, page) => sum + page.length, 0));
  let at = 0;
  for (const page of pages) {
    all.set(page, at);
    at += page.length;
  }
  return all;
}
