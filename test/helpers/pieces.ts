/**
 * How well speech was heard by a program that plays in real time: a busy machine makes it stretch and shorten what it
 * plays, so quarters of a second are looked for one by one. First at a quarter of the rate, then around where that fits best.
 */
import { correlationAt } from './audio.ts';

/** What was heard reaches this; another prompt of ours 0.7, in the same voice. */
export const wellHeard = 0.8;

/** Samples at 8 kHz. */
const pieceLength = 2000;
const coarse = 4;

/** @returns the median of what the pieces of `said` reach in `heard`, 0 … 1; pieces of silence do not count */
export function heardInPieces(heard: Int16Array, said: Int16Array): number {
  const rough = quartered(heard);
  const found: number[] = [];
  for (let at = 0; at + pieceLength <= said.length; at += pieceLength) {
    const piece = said.subarray(at, at + pieceLength);
    if (!isSilent(piece)) found.push(best(heard, rough, piece));
  }
  return found.sort((a, b) => a - b)[found.length >> 1] ?? 0;
}

function best(heard: Int16Array, rough: Int16Array, piece: Int16Array): number {
  const roughPiece = quartered(piece);
  const offsets = Array.from({ length: Math.max(0, rough.length - roughPiece.length + 1) }, (_, offset) => offset);
  const scored = offsets.map((offset) => ({ offset, score: correlationAt(rough, roughPiece, offset) }));
  const promising = scored.sort((a, b) => b.score - a.score).slice(0, 4);
  let most = 0;
  for (const { offset } of promising)
    for (let at = coarse * (offset - 1); at <= coarse * (offset + 1); at++)
      if (at >= 0) most = Math.max(most, correlationAt(heard, piece, at));
  return most;
}

function quartered(samples: Int16Array): Int16Array {
  return Int16Array.from({ length: Math.floor(samples.length / coarse) }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < coarse; k++) sum += samples[coarse * i + k] ?? 0;
    return sum / coarse;
  });
}

function isSilent(samples: Int16Array): boolean {
  return samples.reduce((sum, sample) => sum + Math.abs(sample), 0) / samples.length < 100;
}
