/** The sound of a key (ITU-T Q.23), computed from how long it has been down: there is no state to keep. */
import { frequenciesOf } from '../analysis/key-frequencies.ts';

/** Amplitudes of −10 and −8 dBm0: the high tone is the weaker one at the end of a line. */
const lowAmplitude = 32_768 * 10 ** ((-10 - 3.14) / 20);
const highAmplitude = 32_768 * 10 ** ((-8 - 3.14) / 20);
/** Ramp at both ends, in ms: a tone that begins at once clicks. */
const rampMs = 2;

/** @param event RFC 4733; @param at samples since the key went down; @param length samples that it is down in all */
export function fillKeyTone(out: Int16Array, event: number, at: number, length: number, rate: number): void {
  const [low, high] = frequenciesOf(event);
  const ramp = (rate * rampMs) / 1000;
  for (let i = 0; i < out.length; i++) {
    const t = at + i;
    const gain = Math.max(0, Math.min(1, t / ramp, (length - t) / ramp));
    const angle = (2 * Math.PI * t) / rate;
    out[i] = Math.round(gain * (lowAmplitude * Math.sin(low * angle) + highAmplitude * Math.sin(high * angle)));
  }
}
