/** The period of a voice: where a piece of speech can be repeated or cut out without being heard. */

/** ms; voices from 66 to 200 Hz, and by multiples of the period the higher ones (as ITU-T G.711 Appendix I). */
export const shortestPitchMs = 5;
export const longestPitchMs = 15;

/**
 * By how many samples `x` before `end` is most like itself: the peak of the normalised cross-correlation, first
 * coarsely, then around what was found.
 * @param rate samples per second @param window samples that are compared; before them must be `longestPitchMs` more
 */
export function findPitch(x: ArrayLike<number>, end: number, window: number, rate: number): number {
  const shortest = Math.round((rate * shortestPitchMs) / 1000);
  const longest = Math.round((rate * longestPitchMs) / 1000);
  const stride = Math.max(1, Math.round(rate / 4000));
  const start = end - window;
  const likeness = (lag: number, step: number): number => {
    let product = 0;
    let energy = 1;
    for (let i = start; i < end; i += step) {
      const before = x[i - lag]!;
      product += x[i]! * before;
      energy += before * before;
    }
    return product <= 0 ? 0 : (product * product) / energy;
  };
  const best = (from: number, to: number, lagStep: number, step: number): number => {
    let found = from;
    let most = -1;
    for (let lag = from; lag <= to; lag += lagStep) {
      const value = likeness(lag, step);
      if (value > most) {
        most = value;
        found = lag;
      }
    }
    return found;
  };
  const coarse = best(shortest, longest, stride, stride);
  return best(Math.max(shortest, coarse - stride), Math.min(longest, coarse + stride), 1, Math.max(1, stride >> 1));
}

/**
 * Says one period of the first samples twice: behind it they fade into those one period before.
 * @param count samples in `pcm`, which has room for one period more; at least twice `longestPitchMs`
 * @returns how many there are now
 */
export function repeatPeriod(pcm: Int16Array, count: number, rate: number): number {
  const overlap = Math.round((rate * longestPitchMs) / 1000);
  const lag = findPitch(pcm, 2 * overlap, overlap, rate);
  const onward = pcm.slice(lag, lag + overlap);
  pcm.copyWithin(lag, 0, count);
  for (let i = 0; i < overlap; i++) {
    const share = (i + 1) / (overlap + 1);
    pcm[lag + i] = Math.round(onward[i]! * (1 - share) + pcm[lag + i]! * share);
  }
  return count + lag;
}

/**
 * Cuts one period out of the first samples: they fade into those one period later.
 * @param count samples in `pcm`; at least twice `longestPitchMs` @returns how many there are now
 */
export function cutPeriod(pcm: Int16Array, count: number, rate: number): number {
  const overlap = Math.round((rate * longestPitchMs) / 1000);
  const lag = findPitch(pcm, 2 * overlap, overlap, rate);
  for (let i = 0; i < overlap; i++) {
    const share = (i + 1) / (overlap + 1);
    pcm[i] = Math.round(pcm[i]! * (1 - share) + pcm[i + lag]! * share);
  }
  pcm.copyWithin(overlap, overlap + lag, count);
  return count - lag;
}
