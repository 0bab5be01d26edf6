/** Puts names to what was heard, from beginning to end: the sounds that are known, tones, silence, and other sounds. */
import { exactStart } from './compare.ts';
import { type HeardAudio, hearingRate, rms, samplesPerMs, silenceRms } from './heard-audio.ts';
import { halved, type Reference } from './reference.ts';
import { isTone, pitchOf } from './tone.ts';

export interface Segment {
  /** Clock ms. */
  readonly from: number;
  readonly to: number;
  /** `welcome.wav`, `welcome.wav, the first 1.2 s`, `a tone of 440 Hz`, `silence`, `some other sound`. */
  readonly what: string;
}

const frame = hearingRate / 50;
/** By how much of its beginning a sound is known. */
const headSamples = 200 * samplesPerMs;
const headLikeness = 0.6;
/** A sound may begin so much before or after the first sound that is heard. */
const around = 120 * samplesPerMs;
const sameFrame = 0.5;
const audibleRms = 100;
/** Frames that are something else, in a row, after which it is not that sound any more. */
const mostOther = 5;
const shortestSilence = 300 * samplesPerMs;
const shortestGap = 100 * samplesPerMs;
/** What is told of a sound's length, in ms. */
const exactMs = 40;

export function transcribe(audio: HeardAudio, references: readonly Reference[]): Segment[] {
  const segments: Segment[] = [];
  const add = (from: number, to: number, what: string): void =>
    void segments.push({ from: audio.msOf(from), to: audio.msOf(to), what });
  let at = 0;
  while (at < audio.end) {
    const sound = nextSound(audio, at);
    if (sound - at >= shortestSilence) add(at, sound, 'silence');
    if (sound >= audio.end) break;
    const found = recognise(audio, references, sound) ?? tone(audio, sound) ?? other(audio, sound);
    add(found.from, found.to, found.what);
    at = Math.max(found.to, sound + frame);
  }
  return segments;
}

interface Found {
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

function nextSound(audio: HeardAudio, from: number): number {
  let at = from;
  while (at < audio.end && rms(audio.samples(at, at + frame)) < silenceRms) at += frame;
  return Math.min(at, audio.end);
}

function recognise(audio: HeardAudio, references: readonly Reference[], sound: number): Found | undefined {
  let best: { readonly reference: Reference; readonly start: number; readonly length: number } | undefined;
  for (const reference of references) {
    const start = placeOf(audio, reference, sound);
    if (start === undefined) continue;
    const length = lengthHeard(audio, reference, start);
    if (length > (best?.length ?? 0)) best = { reference, start, length };
  }
  if (!best) return undefined;
  const { reference, start, length } = best;
  const missing = (reference.loudTo - reference.loudFrom - length) / samplesPerMs;
  const part = missing > exactMs ? `, the first ${(length / samplesPerMs / 1000).toFixed(1)} s` : '';
  const from = start + reference.loudFrom;
  return { from, to: from + length, what: `${reference.name}${part}` };
}

/** Where the reference would begin if what sounds here is it. */
function placeOf(audio: HeardAudio, { samples, loudFrom, loudTo }: Reference, sound: number): number | undefined {
  const head = halved(samples.subarray(loudFrom, Math.min(loudTo, loudFrom + headSamples)));
  const first = Math.max(0, sound - around);
  const heard = halved(audio.samples(first, sound + around + headSamples));
  let wanted = 0;
  for (const value of head) wanted += value * value;
  let best = headLikeness;
  let bestAt: number | undefined;
  for (let offset = 0; offset + head.length <= heard.length; offset++) {
    let [dot, energy] = [0, 0];
    for (let i = 0; i < head.length; i++) {
      const value = heard[offset + i] as number;
      dot += (head[i] as number) * value;
      energy += value * value;
    }
    const likeness = energy > 0 ? dot / Math.sqrt(wanted * energy) : 0;
    if (likeness > best) [best, bestAt] = [likeness, offset];
  }
  if (bestAt === undefined) return undefined;
  return exactStart(audio, samples, loudFrom, head.length * 2, first + 2 * bestAt - loudFrom);
}

/** How many samples of its sound were heard, from its first on. */
function lengthHeard(audio: HeardAudio, { samples, loudFrom, loudTo }: Reference, start: number): number {
  let to = loudFrom;
  let other = 0;
  for (let at = loudFrom; at < loudTo && other < mostOther; at += frame) {
    const end = Math.min(at + frame, loudTo);
    const meant = samples.subarray(at, end);
    if (rms(meant) < audibleRms) continue;
    if (isSame(meant, audio.samples(start + at, start + end))) {
      to = end;
      other = 0;
    } else other++;
  }
  // What was quiet at the end was heard too, if all before was.
  return (loudTo - to < mostOther * frame && other === 0 ? loudTo : to) - loudFrom;
}

function isSame(meant: Int16Array, came: Int16Array): boolean {
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < meant.length; i++) {
    const x = meant[i] as number;
    const y = came[i] as number;
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  return xy >= sameFrame * Math.sqrt(xx * yy) && yy > 0;
}

function tone(audio: HeardAudio, sound: number): Found | undefined {
  // Behind the edge, where it is steady.
  const from = sound + frame;
  const pitch = pitchOf(audio.samples(from, from + 2 * frame));
  if (pitch === undefined) return undefined;
  let to = from;
  while (to + 2 * frame <= audio.end && isTone(audio.samples(to, to + 2 * frame), [pitch])) to += frame;
  return { from: sound, to: to + frame, what: `a tone of ${pitch} Hz` };
}

/** Until it has been silent for a moment. */
function other(audio: HeardAudio, sound: number): Found {
  let to = sound;
  for (let at = sound; at < audio.end && at - to < shortestGap; at += frame)
    if (rms(audio.samples(at, at + frame)) >= silenceRms) to = at + frame;
  return { from: sound, to: Math.max(to, sound + frame), what: 'some other sound' };
}
