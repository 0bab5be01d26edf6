/** How much of a reference was heard at one place, in numbers. */
import { type HeardAudio, hearingRate, samplesPerMs } from './heard-audio.ts';
import type { Reference } from './reference.ts';

export interface Comparison {
  /** Correlation of what came with what was meant: 1 is the same but for its loudness. */
  readonly similarity: number;
  /** Signal to noise, dB; as good as it gets with G.711: 37. */
  readonly snrDb: number;
  /** What is missing or something else, ms. */
  readonly lostMs: number;
  /** The longest stretch that is mostly missing or something else, ms. */
  readonly gapMs: number;
  /** Milliseconds of sound in the reference. */
  readonly soundMs: number;
}

/** The similarity that is asked for when nothing else is said. */
export const usualSimilarity = 0.9;

const frame = hearingRate / 50;
const frameMs = frame / samplesPerMs;
/** Quieter frames of the reference are pauses: they cannot be told from the noise of the codec. */
const audibleRms = 100;
/** Below, a frame is something else, or drowned in noise. */
const sameFrame = 0.5;
/** What is so many times louder than the noise on the rest, in power, is no noise. */
const muchNoise = 4;

/** One frame of the reference against what came in its place. */
interface FrameSums {
  readonly audible: boolean;
  readonly missingMs: number;
  readonly xy: number;
  readonly xx: number;
  readonly yy: number;
}

/**
 * @param audio what was heard
 * @param reference what was meant
 * @param start where in the audio the reference begins, in samples; may be before its beginning
 * @param to only so many samples of the reference
 * @param similarity that is asked for: the lower it is, the more of what is different is taken for noise
 */
export function compare(
  audio: HeardAudio,
  reference: Reference,
  start: number,
  to = reference.loudTo,
  similarity = usualSimilarity,
): Comparison {
  const { samples, loudFrom, loudTo } = reference;
  const frames: FrameSums[] = [];
  const end = Math.min(to, loudTo);
  for (let at = loudFrom; at < end; at += frame)
    frames.push(sumsOf(audio, samples.subarray(at, Math.min(at + frame, end)), start + at));
  const { xy, xx, yy } = total(frames);
  const likeness = xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
  const explained = likeness * likeness;
  const audible = frames.filter((one) => one.audible);
  return {
    similarity: likeness,
    snrDb: explained >= 1 ? Number.POSITIVE_INFINITY : 10 * Math.log10(explained / (1 - explained)),
    ...lossOf(audible, similarity),
    soundMs: audible.length * frameMs,
  };
}

function sumsOf(audio: HeardAudio, meant: Int16Array, from: number): FrameSums {
  const { xy, xx, yy } = productsOf(meant, audio.samples(from, from + meant.length));
  let [missing, missed] = [0, 0];
  const audible = xx >= meant.length * audibleRms * audibleRms;
  if (audio.presence(from, from + meant.length) < 1) {
    // What did not come is 0, and counts as missing, not as different.
    for (let i = 0; i < meant.length; i++) {
      if (audio.has(from + i)) continue;
      missing++;
      missed += (meant[i] as number) ** 2;
    }
  }
  return { audible, missingMs: (missing * frameMs) / meant.length, xy, xx: xx - missed, yy };
}

/** Sums of the products of two stretches of one length, with each other and with themselves. */
export function productsOf(meant: Int16Array, came: Int16Array): { xy: number; xx: number; yy: number } {
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < meant.length; i++) {
    const x = meant[i] as number;
    const y = came[i] as number;
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  return { xy, xx, yy };
}

function lossOf(
  audible: readonly FrameSums[],
  similarity: number,
): { readonly lostMs: number; readonly gapMs: number } {
  const alike = total(audible.filter(isAlike));
  const gain = alike.xx > 0 ? alike.xy / alike.xx : 0;
  const noiseOf = ({ xy, xx, yy }: FrameSums): number => yy - 2 * gain * xy + gain * gain * xx;
  const noises = audible.map(noiseOf).sort((a, b) => a - b);
  // Of the better frames, whatever the others are.
  const usual = noises[noises.length >> 2] ?? 0;
  const perFrame = (gain * gain * total(audible).xx) / Math.max(1, audible.length);
  const forgiven = (similarity ** -2 - usualSimilarity ** -2) * perFrame;
  const most = muchNoise * Math.max(usual, forgiven);
  let [lostMs, run, gapMs] = [0, 0, 0];
  for (const one of audible) {
    const lost = !isAlike(one) && noiseOf(one) > most ? frameMs : one.missingMs;
    lostMs += lost;
    // A frame that is alike by chance does not end a gap.
    run = Math.max(0, run + lost - (frameMs - lost));
    gapMs = Math.max(gapMs, run);
  }
  return { lostMs, gapMs };
}

function isAlike({ xy, xx, yy }: FrameSums): boolean {
  return yy > 0 && xy >= sameFrame * Math.sqrt(xx * yy);
}

function total(frames: readonly FrameSums[]): { readonly xy: number; readonly xx: number; readonly yy: number } {
  let [xy, xx, yy] = [0, 0, 0];
  for (const one of frames) {
    xy += one.xy;
    xx += one.xx;
    yy += one.yy;
  }
  return { xy, xx, yy };
}
