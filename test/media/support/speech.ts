/** A signal like speech, and how much of it is in what came out at the other end. */
import { resample } from '../../../media/audio/index.ts';

/** Syllables of a voice with formants and a moving pitch, with pauses between them. @param seconds of it */
export function speech(rate: number, seconds: number, level = 9000): Int16Array {
  const out = new Int16Array(Math.round(rate * seconds));
  let phase = 0;
  for (let i = 0; i < out.length; i++) {
    const t = i / rate;
    const pitch = 125 + 25 * Math.sin(2 * Math.PI * 0.9 * t) + 8 * Math.sin(2 * Math.PI * 5.3 * t);
    phase += (2 * Math.PI * pitch) / rate;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 2.3 * t)) ** 0.5;
    const formants = [500 + 250 * Math.sin(2 * Math.PI * 1.7 * t), 1500 + 500 * Math.sin(2 * Math.PI * 1.1 * t)];
    let sum = 0;
    for (let k = 1; k * pitch < 3400; k++) {
      const near = formants.reduce((gain, f) => gain + 1 / (1 + ((k * pitch - f) / 180) ** 2), 0.02);
      sum += near * Math.sin(k * phase);
    }
    out[i] = Math.max(-32_768, Math.min(32_767, Math.round(level * syllable * sum * 0.7)));
  }
  return out;
}

/** Between samples, too, is a delay: at 8 kHz half a sample is a sixth of a wave of 3 kHz. */
const fineRate = 48_000;
/** A third of the shortest wave of speech, nearly: no peak is missed. */
const coarse = 4;

/** The correlation of two signals of one rate, aligned at the best delay of up to 100 ms; 1 is the same. */
export function correlation(said: Int16Array, heard: Int16Array, rate: number): number {
  const [a, b] = [said, heard].map((samples) => resample(samples, rate, fineRate)) as [Int16Array, Int16Array];
  const from = fineRate / 10; // coders settle
  const piece = Math.min(fineRate / 2, a.length - 2 * from);
  let [best, delay] = [0, 0];
  const search = (first: number, last: number, step: number): void => {
    for (let d = first; d <= last; d += step) {
      const found = correlationAt(a, b, from, piece, d);
      if (found > best) [best, delay] = [found, d];
    }
  };
  search(0, from, coarse);
  search(delay - coarse, delay + coarse, 1);
  return correlationAt(a, b, from, Math.min(a.length - from, b.length - from - delay), delay);
}

function correlationAt(a: Int16Array, b: Int16Array, from: number, count: number, delay: number): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = from; i < from + count; i++) {
    const x = a[i]!;
    const y = b[i + delay] ?? 0;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb || 1);
}
