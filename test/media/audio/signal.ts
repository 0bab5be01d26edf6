/** Signals and measures for audio tests. */

export function sineWave(frequency: number, rate: number, count: number, amplitude = 16_000): Int16Array {
  return Int16Array.from({ length: count }, (_, i) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * frequency * i) / rate)),
  );
}

/** The sine of `frequency` that fits best, and what is left without it (both as mean squares). */
export function bestSine(samples: Int16Array, frequency: number, rate: number): { power: number; rest: number } {
  let [ss, sc, cc, ys, yc, yy] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < samples.length; i++) {
    const angle = (2 * Math.PI * frequency * i) / rate;
    const [s, c, y] = [Math.sin(angle), Math.cos(angle), samples[i]!];
    ss += s * s;
    sc += s * c;
    cc += c * c;
    ys += y * s;
    yc += y * c;
    yy += y * y;
  }
  const determinant = ss * cc - sc * sc;
  const a = (ys * cc - yc * sc) / determinant;
  const b = (yc * ss - ys * sc) / determinant;
  const power = a * ys + b * yc;
  return { power: power / samples.length, rest: Math.max(0, yy - power) / samples.length };
}

/** Signal to everything else, in dB. */
export function snr(samples: Int16Array, frequency: number, rate: number): number {
  const { power, rest } = bestSine(samples, frequency, rate);
  return 10 * Math.log10(power / rest);
}
