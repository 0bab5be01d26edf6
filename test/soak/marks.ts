/**
 * Marks by which a recording tells how late each of its sides is: everybody who speaks sounds one every 10 s, all in the
 * same moment, and so does the prompt.
 */
import { Writable } from 'node:stream';
import { wavHeaderBytes } from '../../media/audio/index.ts';
import { codecFor } from '../../media/codec/index.ts';
import { pcmu } from '../media/support/phone.ts';

/** One recording in stereo: how much its marks moved from its beginning to its end, ms. */
export interface RecordedSides {
  readonly name: string;
  /** Of the received side, of the sent one, and of the one against the other. */
  readonly received: number;
  readonly sent: number;
  readonly apart: number;
  /** The most that `apart` was in between. */
  readonly mostApart: number;
  /** Marks in each side, and those that there were. */
  readonly marks: readonly [number, number, number];
}

export const markEveryMs = 10_000;
const markMs = 200;
/** Marks are told from voices by their level. */
const markLevel = 24_000;
const humLevel = 2000;
const threshold = 14_000;
/** Of so many marks the middle one counts: one may be hit by loss. */
const marksCompared = 5;
/** Voice of a peer: a hum that is never silent, and the mark every 10 s of true time. @param at ms, @param step ms */
export function speak(out: Int16Array, at: number, step: number, pitch: number): void {
  for (let i = 0; i < out.length; i++) {
    const ms = at + i * step;
    const sinceMark = ms % markEveryMs;
    const marks = ms >= markEveryMs && sinceMark < markMs;
    out[i] = marks
      ? markLevel * Math.sin((2 * Math.PI * 1000 * sinceMark) / 1000)
      : humLevel * Math.sin((2 * Math.PI * pitch * ms) / 1000);
  }
}

/** Takes a stereo WAV as it is written and keeps of it where its marks are. */
export class Marks extends Writable {
  readonly #rate: number;
  /** Of the left side and of the right one: ms since the beginning. */
  readonly at: readonly [number[], number[]] = [[], []];
  readonly #quietUntil = [0, 0];
  #header = wavHeaderBytes;
  #frames = 0;

  constructor(rate: number) {
    super();
    this.#rate = rate;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const skipped = Math.min(this.#header, chunk.length);
    this.#header -= skipped;
    const samples = new Int16Array(Uint8Array.from(chunk.subarray(skipped)).buffer);
    for (let i = 0; i < samples.length; i++) {
      const side = i & 1;
      const frame = this.#frames + (i >> 1);
      if (Math.abs(samples[i]!) < threshold || frame < this.#quietUntil[side]!) continue;
      this.at[side]!.push((frame * 1000) / this.#rate);
      this.#quietUntil[side] = frame + this.#rate;
    }
    this.#frames += samples.length / 2;
    done();
  }

  compare(name: string, expected: number): RecordedSides {
    const [left, right] = this.at;
    const [received, sent] = [moved(left.map(offBeat)), moved(right.map(offBeat))];
    const between = moved(pairs(left, right));
    const marks = [left.length, right.length, expected] as const;
    return { name, received: received.atEnd, sent: sent.atEnd, apart: between.atEnd, mostApart: between.most, marks };
  }
}

/** How far a mark is from the moment at which it was made, −5 … 5 s. */
const offBeat = (at: number): number => ((at + markEveryMs / 2) % markEveryMs) - markEveryMs / 2;

/** Of each mark on the left how much later it is on the right; those that one side lacks are left out. */
function pairs(left: readonly number[], right: readonly number[]): number[] {
  const slots = new Map(right.map((at) => [Math.round(at / markEveryMs), at]));
  return left.flatMap((at) => {
    const other = slots.get(Math.round(at / markEveryMs));
    return other === undefined ? [] : [other - at];
  });
}

/** How far from where it was at the beginning, by medians: at the end, and at the most. */
function moved(values: readonly number[]): { readonly atEnd: number; readonly most: number } {
  const medians: number[] = [];
  for (let at = 0; at + marksCompared <= values.length; at++) {
    const some = values.slice(at, at + marksCompared).toSorted((a, b) => a - b);
    medians.push(some[marksCompared >> 1]!);
  }
  const off = medians.map((median) => Math.abs(median - medians[0]!));
  return { atEnd: off.at(-1) ?? Number.NaN, most: off.length > 0 ? Math.max(...off) : Number.NaN };
}

/** A prompt of exactly 10 s with its mark in it, some seconds from those of the peers. */
export function markedPrompt(): Uint8Array {
  const samples = new Int16Array((markEveryMs / 1000) * 8000);
  speak(samples, 2000, 1 / 8, 180);
  const coder = codecFor(pcmu)!;
  const bytes = new Uint8Array(samples.length);
  coder.encode(samples, bytes);
  return bytes;
}
