/** Puts names to what was heard, from beginning to end: the sounds that are known, tones, silence, and other sounds. */
import { compare, productsOf } from './compare.ts';
import { type Place, type Probe, placesIn } from './correlate.ts';
import { type HeardAudio, hearingRate, rms, samplesPerMs, silenceRms } from './heard-audio.ts';
import type { Reference } from './reference.ts';
import { isTone, pitchesOf, toneShare } from './tone.ts';

export interface Segment {
  /** Clock ms. */
  readonly from: number;
  readonly to: number;
  /**
   * `welcome.wav`, `welcome.wav, the first 1.2 s`, `a tone of 440 Hz`, `a tone of 440 + 480 Hz`, `silence`,
   * `some other sound`.
   */
  readonly what: string;
}

const frame = hearingRate / 50;
/** By how much of its beginning a sound is known. */
const headSamples = 200 * samplesPerMs;
const headLikeness = 0.6;
/** Of that, what is enough to find it in a sound that is something else at first. */
const probeSamples = 64 * samplesPerMs;
/** A sound begins so much before the first that is heard of it, if that was lost, or after, if it begins softly. */
const before = 120 * samplesPerMs;
const after = 120 * samplesPerMs;
/** The end of a sound that something follows at once is known so well. */
const overlap = 60 * samplesPerMs;
/** So much has to be heard of a sound, or all of it, with such a correlation, for it to be that sound. */
const leastHeard = 100 * samplesPerMs;
const leastSimilar = 0.85;
const sameFrame = 0.5;
const audibleRms = 100;
/** So many frames that are something else end a sound. */
const mostOther = 5;
const shortestSilence = 300 * samplesPerMs;
const shortestGap = 100 * samplesPerMs;
const shortestTone = 80 * samplesPerMs;
/** So much of a tone is enough to tell its pitch by. */
const longestPitch = 160 * samplesPerMs;
/** Of a tone that is named; voices come near to it. */
const toneLikeness = 0.9;
/** What is told of a sound's length, in samples. */
const exact = 40 * samplesPerMs;

/** A sound to be known by its beginning. */
interface Known {
  readonly reference: Reference;
  readonly head: Probe;
  /** The loudest of the head. */
  readonly probe: Probe;
}

/** Positions in the audio. */
interface Found {
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

/**
 * Names all that was heard, in the order of its time; gaps of less than 300 ms between two sounds are left out.
 * @param references the sounds that are known; each by its beginning, so one that is played from its middle is not
 */
export function transcribe(audio: HeardAudio, references: readonly Reference[]): Segment[] {
  const known = references.filter(({ isSilent }) => !isSilent).map(knownBy);
  const segments: Segment[] = [];
  const add = ({ from, to, what }: Found): void =>
    void segments.push({ from: audio.msOf(from), to: audio.msOf(Math.min(to, audio.end)), what });
  let at = 0;
  while (at < audio.end) {
    const sound = nextSound(audio, at);
    const found =
      sound < audio.end
        ? (recognise(audio, known, at, sound) ?? tone(audio, sound) ?? other(audio, known, sound))
        : { from: sound, to: sound, what: 'silence' };
    if (found.from - at >= shortestSilence) add({ from: at, to: found.from, what: 'silence' });
    if (found.to > found.from) add(found);
    at = Math.max(found.to, sound + frame);
  }
  return segments;
}

function knownBy(reference: Reference): Known {
  const { samples, loudFrom, loudTo } = reference;
  const length = Math.min(headSamples, loudTo - loudFrom);
  let best = loudFrom;
  let loudest = -1;
  for (let at = loudFrom; at + probeSamples <= loudFrom + length; at += frame) {
    const level = rms(samples.subarray(at, at + probeSamples));
    if (level > loudest) [best, loudest] = [at, level];
  }
  const probe = reference.probe(best, Math.min(probeSamples, length));
  return { reference, head: reference.probe(loudFrom, length), probe };
}

function nextSound(audio: HeardAudio, from: number): number {
  let at = from;
  while (at < audio.end && rms(audio.samples(at, at + frame)) < silenceRms) at += frame;
  return Math.min(at, audio.end);
}

/** The sound that begins about here, and more of which was heard than of any other. */
function recognise(audio: HeardAudio, known: readonly Known[], at: number, sound: number): Found | undefined {
  let best: (Found & { readonly length: number }) | undefined;
  for (const { reference, head } of known) {
    const { length } = head.samples;
    const from = Math.max(Math.ceil(at - Math.min(overlap, length / 2)), sound - before, 0);
    let place: Place | undefined;
    for (const one of placesIn(audio, from, sound + after + length, head, headLikeness))
      if (one.likeness > (place?.likeness ?? 0)) place = one;
    const found = place && heardFrom(audio, reference, place.at);
    if (found && found.length > (best?.length ?? 0)) best = found;
  }
  return best && { ...best, from: Math.max(at, best.from) };
}

/** @param at position of its first sound */
function heardFrom(audio: HeardAudio, reference: Reference, at: number): (Found & { length: number }) | undefined {
  const { loudFrom, loudTo, name } = reference;
  const start = at - loudFrom;
  const length = lengthHeard(audio, reference, start);
  if (length < Math.min(leastHeard, loudTo - loudFrom)) return undefined;
  if (compare(audio, reference, start, loudFrom + length).similarity < leastSimilar) return undefined;
  const whole = loudTo - loudFrom;
  if (whole - length <= exact) return { from: at, to: at + whole, what: name, length };
  return { from: at, to: at + length, what: `${name}, the first ${(length / hearingRate).toFixed(1)} s`, length };
}

/** How many samples of its sound were heard, from its first on. */
function lengthHeard(audio: HeardAudio, { samples, loudFrom, loudTo }: Reference, start: number): number {
  let to = loudFrom;
  let audibleTo = loudFrom;
  // Frames that are the same less those that are not, without those that never came: where it is highest, it ended.
  let [score, most] = [0, 0];
  for (let at = loudFrom; at < loudTo && most - score < mostOther; at += frame) {
    const end = Math.min(at + frame, loudTo);
    const meant = samples.subarray(at, end);
    const same = isSame(meant, audio.samples(start + at, start + end));
    if (rms(meant) < audibleRms) {
      if (same && to === at) to = end;
      continue;
    }
    audibleTo = end;
    if (audio.presence(start + at, start + end) > 0.5) score += same ? 1 : -1;
    if (score > most) [most, to] = [score, end];
  }
  // What is too soft to be told from noise at its end was heard, if all before was.
  return (to >= audibleTo ? loudTo : to) - loudFrom;
}

function isSame(meant: Int16Array, came: Int16Array): boolean {
  const { xy, xx, yy } = productsOf(meant, came);
  return xy >= sameFrame * Math.sqrt(xx * yy) && yy > 0;
}

function tone(audio: HeardAudio, sound: number): Found | undefined {
  // Behind the edge, where it is steady.
  const from = sound + frame;
  const roughly = pitchesOf(audio.samples(from, from + 2 * frame));
  if (!roughly) return undefined;
  let to = from;
  while (to + 2 * frame <= audio.end && isTone(audio.samples(to, to + 2 * frame), roughly)) to += frame;
  to += frame;
  const steady = audio.samples(from, Math.min(to, from + longestPitch));
  const pitches = to - from < shortestTone ? undefined : pitchesOf(steady);
  if (!pitches || toneShare(steady, pitches) < toneLikeness) return undefined;
  return { from: sound, to, what: `a tone of ${pitches.map((pitch) => Math.round(pitch)).join(' + ')} Hz` };
}

/** Until it has been silent for a moment, or a sound begins that is known. */
function other(audio: HeardAudio, known: readonly Known[], sound: number): Found {
  let to = sound + frame;
  for (let at = to; at < audio.end && at - to < shortestGap; at += frame)
    if (rms(audio.samples(at, at + frame)) >= silenceRms) to = at + frame;
  let end = Math.min(to, audio.end);
  for (const { reference, probe } of known) {
    const later = probe.at - reference.loudFrom;
    const from = sound + frame + later;
    for (const place of placesIn(audio, from, end + later + probe.samples.length, probe, headLikeness)) {
      const begin = place.at - later;
      if (begin >= end || !heardFrom(audio, reference, begin)) continue;
      end = begin;
      break;
    }
  }
  return { from: sound, to: Math.max(end, sound + frame), what: 'some other sound' };
}
