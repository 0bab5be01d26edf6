/**
 * Whether a frame is one steady sine, and which: a first estimate of the frequency by Pisarenko's method, made exact by how
 * the phase moves from the first half of the frame to the second.
 */
const rate = 8000;
/** Of the first autocorrelation, within which Pisarenko's method fails: near 2 kHz. */
const nearQuarter = 0.2;

export interface ToneMeasure {
  /** Hz; 0 where there is hardly a sound. */
  frequency: number;
  /** Share of the energy that is in that sine, 0…1; of a sine that fills half of the frame, a half. */
  purity: number;
  /** dB, where 0 is a square wave at full scale. */
  level: number;
}

/** What is below is not looked at, dB. */
export const faintest = -55;

/** @param samples at 8 kHz, an even number of them */
export function measureTone(samples: Int16Array, into: ToneMeasure): void {
  const n = samples.length;
  let [energy, r0, r1, r2] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) energy += samples[i]! * samples[i]!;
  into.level = 10 * Math.log10(energy / n / 32_768 ** 2 + 1e-10);
  into.frequency = 0;
  into.purity = 0;
  if (into.level < faintest) return;
  for (let i = 1; i < n - 1; i++) {
    const [before, sample, after] = [samples[i - 1]!, samples[i]!, samples[i + 1]!];
    r0 += sample * sample;
    r1 += (sample * (before + after)) / 2;
    r2 += before * after;
  }
  if (r0 === 0) return;
  const cosine = Math.abs(r1) > nearQuarter * r0 ? (r2 + Math.sqrt(r2 * r2 + 8 * r1 * r1)) / (4 * r1) : r1 / r0;
  let step = Math.acos(Math.max(-1, Math.min(1, cosine)));
  for (let round = 0; round < 2; round++) {
    const half = n >> 1;
    correlate(samples, 0, half, step);
    const [re1, im1] = [found.re, found.im];
    correlate(samples, half, n, step);
    const turn = Math.atan2(found.im * re1 - found.re * im1, found.re * re1 + found.im * im1);
    const amplitude = Math.hypot(re1, im1) + Math.hypot(found.re, found.im);
    into.purity = Math.min(1, (2 * amplitude * amplitude) / (n * energy));
    // Far from a sine: no better estimate will make it one.
    if (into.purity < 0.4) break;
    step += turn / half;
  }
  into.frequency = (step * rate) / (2 * Math.PI);
}

const found = { re: 0, im: 0 };

/** Correlation with a complex sine whose phase is 0 at the first sample of the frame. */
function correlate(samples: Int16Array, from: number, to: number, step: number): void {
  const [c, s] = [Math.cos(step), Math.sin(step)];
  let [x, y] = [Math.cos(step * from), Math.sin(step * from)];
  let [re, im] = [0, 0];
  for (let i = from; i < to; i++) {
    const sample = samples[i]!;
    re += sample * x;
    im -= sample * y;
    const next = x * c - y * s;
    y = x * s + y * c;
    x = next;
  }
  found.re = re;
  found.im = im;
}

/** Mean square of each frequency's sine, by Goertzel's algorithm. @param samples at 8 kHz */
export function powerAt(samples: Int16Array, frequency: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / rate);
  let [s1, s2] = [0, 0];
  for (let i = 0; i < samples.length; i++) {
    const s = samples[i]! + coefficient * s1 - s2;
    s2 = s1;
    s1 = s;
  }
  return (2 * (s1 * s1 + s2 * s2 - coefficient * s1 * s2)) / samples.length ** 2;
}
