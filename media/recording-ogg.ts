/**
 * A recording as Ogg-Opus (RFC 7845). Pages are only ever added, one for each piece of audio and none longer than a
 * second, so a file that ends anywhere plays up to there. What is cut off at the end is cut out of its last page, which
 * is why the page with the end of what was heard is kept in mind.
 */
import { lacingOf, oggPage } from './audio/ogg.ts';
import { writeOpusHead, writeOpusTags } from './audio/opus-head.ts';
import { opusFrameMs, opusLookahead } from './codec/opus-recorder.ts';
import type { RecordingCoder } from './recorder/coder.ts';
import type { FileChange, PcmShape, RecordingFormat } from './recording-format.ts';

const clockRate = 48_000;
const frameTicks = (clockRate * opusFrameMs) / 1000;
const mostPackets = 1000 / opusFrameMs;
const none = new Uint8Array(0);

/** A page that was written: where it lies, and what it begins with. */
interface Page {
  readonly position: number;
  readonly sequence: number;
  /** Ticks of 48 kHz before it. */
  readonly start: number;
  readonly packets: readonly Uint8Array[];
}

export function oggRecording(
  { sampleRate, channels }: PcmShape,
  serial: number,
  coder: RecordingCoder,
): RecordingFormat {
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

  function headers(): Uint8Array {
    const head = writeOpusHead({ channels, preSkip: opusLookahead, inputRate: sampleRate });
    const first = oggPage({ serial, sequence: 0, granule: 0, first: true }, [head]);
    const second = oggPage({ serial, sequence: 1, granule: 0 }, [writeOpusTags('Tandem')]);
    sequence = 2;
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

  return {
    get size() {
      return size;
    },
    async add(pcm, keep) {
      if (sequence === 0) return append(headers());
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

function joined(pages: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pages.reduce((sum, page) => sum + page.length, 0));
  let at = 0;
  for (const page of pages) {
    all.set(page, at);
    at += page.length;
  }
  return all;
}
