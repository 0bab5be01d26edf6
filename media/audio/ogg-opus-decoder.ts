/**
 * Opus in Ogg (RFC 7845), decoded to mono: one stream after the other where several are chained, the first Opus
 * stream where several run side by side.
 */
import { opus, opusRates } from '../codec/opus.ts';
import { opusSettings } from '../codec/opus-fmtp.ts';
import type { OpusLibrary } from '../codec/opus-library.ts';
import { opusTicks } from '../codec/opus-packet.ts';
import type { CompressedDecoder } from './compressed.ts';
import { longestPage, type OggPage, OggReader } from './ogg.ts';
import { isOpusHead, isOpusTags, type OpusHead, oggCodecName, readOpusHead } from './opus-head.ts';
import { clamp16 } from './pcm.ts';

const clockRate = 48_000;
/** ms of the longest packet. */
const longestMs = 120;
/** Bytes of a packet that are kept: none of audio is longer, and of a comment only its beginning is looked at. */
const mostPacketBytes = 64 * 1024;
/** Bytes before the first audio: comments may hold a picture. */
const mostHeaderBytes = 16 * 1024 * 1024;
/** Streams in one chain: a radio station that begins one with each song gets through weeks. */
const mostStreams = 10_000;

interface Stream {
  readonly serial: number;
  readonly head: OpusHead;
  readonly coder: ReturnType<typeof opus>;
  /** OpusTags was there: what follows is audio. */
  audio: boolean;
  /** Samples at the beginning that are still to be left out. */
  skip: number;
  /** Ticks of 48 kHz up to here; undefined before the first page. */
  position: number | undefined;
  /** Of the page that has to come next. */
  sequence: number;
  /** What was left open by the page before. */
  partial: Uint8Array | undefined;
}

export class OggOpusDecoder implements CompressedDecoder {
  readonly #library: OpusLibrary;
  readonly #reader = new OggReader();
  #rate: number;
  #out = new Int16Array(0);
  #stream: Stream | undefined;
  #streams = 0;
  /** First pages come: the streams that begin side by side. */
  #beginning = false;
  #other: string | undefined;
  #headerBytes = 0;
  #any = false;
  #failure: string | undefined;

  /** @param rate one of `opusRates`; default: the lowest of them that holds what was encoded */
  constructor(library: OpusLibrary, rate = 0) {
    this.#library = library;
    this.#rate = rate;
  }

  get sampleRate(): number {
    return this.#rate;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  *push(chunk: Uint8Array): Generator<Int16Array, void, void> {
    for (const page of this.#reader.push(chunk)) {
      this.#failure ??= this.#lost(page.skipped);
      if (this.#failure) return;
      this.#any = true;
      yield* this.#page(page);
    }
    this.#failure ??= this.#lost(this.#reader.skipped);
  }

  /** What is wrong if so many bytes belong to no page. */
  #lost(skipped: number): string | undefined {
    if (!this.#any && skipped > 0) return 'it is not an Ogg file';
    return skipped > longestPage ? 'it is damaged: where a page should be is none' : undefined;
  }

  end(): Iterable<Int16Array> {
    if (!this.#stream?.audio)
      this.#failure ??= this.#any ? (this.#notOpus() ?? 'it ends before its audio') : 'it is not an Ogg file';
    return [];
  }

  close(): void {
    this.#stream?.coder.close?.();
    this.#stream = undefined;
  }

  *#page(page: OggPage): Generator<Int16Array, void, void> {
    if (page.first) {
      this.#begin(page);
      return;
    }
    this.#beginning = false;
    this.#failure ??= this.#notOpus();
    const stream = this.#stream;
    if (!stream || page.serial !== stream.serial || this.#failure) return;
    const packets = packetsOf(page, stream);
    if (!stream.audio) {
      const whole = packets.shift();
      const tags = whole ?? stream.partial;
      for (const piece of page.pieces) this.#headerBytes += piece.length;
      if (tags && !isOpusTags(tags.subarray(0, 8))) this.#failure = 'it has no OpusTags behind its OpusHead';
      else if (this.#headerBytes > mostHeaderBytes)
        this.#failure = `its header is larger than ${mostHeaderBytes / 1024 / 1024} MB`;
      stream.audio = whole !== undefined;
    }
    if (stream.audio) yield* this.#audio(page, packets, stream);
  }

  /** The first page of a stream, and of a chain of streams the next. */
  #begin(page: OggPage): void {
    if (!this.#beginning) {
      this.close();
      this.#beginning = true;
      this.#headerBytes = 0;
      this.#other = undefined;
    }
    if (++this.#streams > mostStreams) this.#failure = `it is a chain of more than ${mostStreams} streams`;
    const [packet] = page.pieces;
    if (!packet || this.#stream || this.#failure) return;
    if (!isOpusHead(packet)) {
      this.#other ??= oggCodecName(packet);
      return;
    }
    const read = readOpusHead(packet);
    if (!read.ok) {
      this.#failure = read.error;
      return;
    }
    const head = read.value;
    if (this.#rate === 0) this.#rate = opusRates.find((rate) => rate >= (head.inputRate || clockRate)) ?? clockRate;
    this.#out = new Int16Array((this.#rate * longestMs) / 1000);
    this.#stream = {
      serial: page.serial,
      head,
      coder: opus(this.#library, opusSettings(undefined), { sampleRate: this.#rate }),
      audio: false,
      skip: this.#samples(head.preSkip),
      position: undefined,
      sequence: page.sequence + 1,
      partial: undefined,
    };
  }

  #notOpus(): string | undefined {
    if (this.#stream) return undefined;
    return `it is Ogg with ${this.#other ?? 'something'} in it, and not with Opus`;
  }

  *#audio(page: OggPage, packets: readonly Uint8Array[], stream: Stream): Generator<Int16Array, void, void> {
    let ticks = 0;
    for (const packet of packets) ticks += opusTicks(packet, 0, packet.length);
    // §4.3: the first page may say that the stream was cut out of a longer one.
    stream.position ??= page.last || page.granule < ticks ? 0 : page.granule - ticks;
    // §4.4: the last page may end before its packets do.
    let left = page.last && page.granule >= 0 ? Math.max(0, page.granule - stream.position) : ticks;
    left = this.#samples(Math.min(left, ticks));
    stream.position = page.granule >= 0 ? page.granule : stream.position + ticks;
    for (const packet of packets) {
      if (left === 0) return; // what nobody hears costs nothing either
      const samples = this.#decode(packet, stream);
      const count = Math.min(samples.length, left);
      const skipped = Math.min(stream.skip, count);
      left -= count;
      stream.skip -= skipped;
      if (count > skipped) yield samples.subarray(skipped, count);
    }
  }

  /** A packet that cannot be decoded is as long in silence. */
  #decode(packet: Uint8Array, stream: Stream): Int16Array {
    const out = this.#out;
    let count = stream.coder.decode(packet, out);
    if (count === 0) {
      count = this.#samples(opusTicks(packet, 0, packet.length));
      out.fill(0, 0, count);
    }
    const { gain } = stream.head;
    if (gain !== 1) for (let i = 0; i < count; i++) out[i] = clamp16(out[i]! * gain);
    return out.subarray(0, count);
  }

  /** Of ticks of 48 kHz. */
  #samples(ticks: number): number {
    return Math.floor((ticks * this.#rate) / clockRate);
  }
}

/** The packets that end on a page. What is begun before a page that is missing is left out. */
function packetsOf(page: OggPage, stream: Stream): Uint8Array[] {
  const whole = page.sequence === stream.sequence ? stream.partial : undefined;
  stream.sequence = (page.sequence + 1) >>> 0;
  stream.partial = undefined;
  const packets: Uint8Array[] = [];
  page.pieces.forEach((piece, i) => {
    const continues = page.continued && i === 0;
    if (continues && !whole) return;
    const packet = continues && whole ? joined(whole, piece) : piece;
    if (page.open && i === page.pieces.length - 1) stream.partial = packet.slice();
    else packets.push(packet);
  });
  return packets;
}

function joined(packet: Uint8Array, piece: Uint8Array): Uint8Array {
  const more = piece.subarray(0, Math.max(0, mostPacketBytes - packet.length));
  const all = new Uint8Array(packet.length + more.length);
  all.set(packet);
  all.set(more, packet.length);
  return all;
}
