/** Arithmetic on 16-bit samples. */

/** Rounds and limits to 16 bits; NaN becomes 0. */
export function clamp16(sample: number): number {
  if (sample >= 32_767) return 32_767;
  if (sample <= -32_768) return -32_768;
  return Math.round(sample) || 0;
}

/** Interleaved left/right to the mean of both. @returns the number of samples written */
export function mixToMono(stereo: Int16Array, out: Int16Array): number {
  const count = Math.min(stereo.length >> 1, out.length);
  for (let i = 0; i < count; i++) out[i] = (stereo[2 * i]! + stereo[2 * i + 1]!) >> 1;
  return count;
}

/** Loudness in dB, where 0 is a signal that is at full scale all the time; −Infinity for silence. */
export function rmsLevel(samples: Int16Array): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i]! * samples[i]!;
  return samples.length === 0 ? Number.NEGATIVE_INFINITY : 10 * Math.log10(sum / samples.length / 32_768 ** 2);
}
