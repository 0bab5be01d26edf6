/** How much of a reference was heard at one place, in numbers. */
import { type HeardAudio, hearingRate, rms, samplesPerMs } from './heard-audio.ts';
import type { Reference } from './reference.ts';

export interface Comparison {
  /** Correlation of what came with what was meant: 1 is the same but for its loudness. */
  readonly similarity: number;
  /** Signal to noise, dB; as good as it gets with G.711: 37. */
  readonly snrDb: number;
  /** What is missing or something else, ms. */
  readonly lostMs: number;
  /** Milliseconds of sound in the reference. */
  readonly soundMs: number;
}

const frame = hearingRate / 50;
const frameMs = frame / samplesPerMs;
/** Quieter frames of the reference cannot be told from the noise of the codec. */
const audibleRms = 100;
/** Below, a frame is something else. */
const sameFrame = 0.5;

/** @param start position of the reference's beginning; @param to only so many samples of the reference */
export function compare(
  audio: HeardAudio,
  { samples, loudFrom, loudTo }: Reference,
  start: number,
  to = loudTo,
): Comparison {
  let [xy, xx, yy, lost, sound] = [0, 0, 0, 0, 0];
  for (let at = loudFrom; at < Math.min(to, loudTo); at += frame) {
    const meant = samples.subarray(at, Math.min(at + frame, loudTo));
    const from = start + at;
    if (from < 0) continue;
    const audible = rms(meant) >= audibleRms;
    if (audible) sound += frameMs;
    if (audio.presence(from, from + meant.length) < 0.5) {
      if (audible) lost += frameMs;
      continue;
    }
    const came = audio.samples(from, from + meant.length);
    let [fxy, fxx, fyy] = [0, 0, 0];
    for (let i = 0; i < meant.length; i++) {
      const x = meant[i] as number;
      const y = came[i] as number;
      fxy += x * y;
      fxx += x * x;
      fyy += y * y;
    }
    xy += fxy;
    xx += fxx;
    yy += fyy;
    if (audible && fxy < sameFrame * Math.sqrt(fxx * fyy)) lost += frameMs;
  }
  const similarity = xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
  const explained = similarity * similarity;
  const snrDb = explained >= 1 ? Number.POSITIVE_INFINITY : 10 * Math.log10(explained / (1 - explained));
  return { similarity, snrDb, lostMs: lost, soundMs: sound };
}

/** A first look at half the rate is off by a sample, or by a period of the voice. */
const around = 10 * samplesPerMs;

/**
 * Where the reference begins, of all places near `start`, by the part of it that has been heard.
 * @param at, length that part, from the beginning of the reference
 */
export function exactStart(audio: HeardAudio, samples: Int16Array, at: number, length: number, start: number): number {
  const part = samples.subarray(at, at + length);
  let best = Number.NEGATIVE_INFINITY;
  let found = start;
  for (let place = Math.max(start - around, -at); place <= start + around; place++) {
    const came = audio.samples(place + at, place + at + part.length);
    let [xy, yy] = [0, 0];
    for (let i = 0; i < part.length; i++) {
      const y = came[i] as number;
      xy += (part[i] as number) * y;
      yy += y * y;
    }
    const likeness = yy > 0 ? xy / Math.sqrt(yy) : 0;
    if (likeness > best) [best, found] = [likeness, place];
  }
  return found;
}
