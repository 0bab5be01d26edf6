/**
 * The index of a packet: 48 bits, of which RTP carries the lower 16 and both sides count the rest, the
 * roll-over counter (RFC 3711 §3.3.1, Appendix A), and which indices there were already (§3.3.2).
 * RTCP carries its whole index of 31 bits and needs only the window.
 */

import { type BitWindow, clearBit, createWindow, hasBit, setBit } from '../rtp/bit-window.ts';

/** How far back packets may come late; RFC 3711 §3.3.2 asks for 64 at least. */
export const windowBits = 256;
const sequences = 0x10000;

/** Of one SSRC. Plain data: part of a leg's snapshot. */
export interface IndexState {
  readonly ssrc: number;
  highest: number;
  readonly seen: BitWindow;
}

/** @param index the first one that counts as seen */
export function createIndexState(ssrc: number, index: number): IndexState {
  const state = { ssrc, highest: index, seen: createWindow(windowBits) };
  setBit(state.seen, index);
  return state;
}

export function findStream<T extends { readonly ssrc: number }>(streams: readonly T[], ssrc: number): T | undefined {
  for (const stream of streams) if (stream.ssrc === ssrc) return stream;
  return undefined;
}

/** The index nearest to the highest that has these lower 16 bits; below 0 for what came before the beginning. */
export function indexOf(highest: number, sequence: number): number {
  let ahead = sequence - (highest % sequences);
  if (ahead > sequences / 2) ahead -= sequences;
  else if (ahead < -sequences / 2) ahead += sequences;
  return highest + ahead;
}

export function rocOf(index: number): number {
  return Math.floor(index / sequences);
}

export function sequenceOf(index: number): number {
  return index % sequences;
}

/** False for an index that was there, or that is too old to tell. */
export function isFresh({ highest, seen }: IndexState, index: number): boolean {
  if (index > highest) return true;
  if (index <= highest - windowBits) return false;
  return !hasBit(seen, index);
}

export function markSeen(state: IndexState, index: number): void {
  const { highest, seen } = state;
  if (index > highest) {
    if (index - highest >= windowBits) seen.fill(0);
    else for (let i = highest + 1; i < index; i++) clearBit(seen, i);
    state.highest = index;
  }
  setBit(seen, index);
}

/** Indices up to so many above the highest may have been used by somebody of whom nothing is known: none of them is used. */
export function skipIndices(state: IndexState, count: number): void {
  state.highest += count;
  state.seen.fill(-1);
}
