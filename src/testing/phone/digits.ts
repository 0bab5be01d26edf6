/** Digits as a phone presses them other than by RFC 4733: as tones in the audio, and in INFO. */
import { ToneGenerator } from '../../../media/audio/index.ts';
import { hearingRate, samplesPerMs } from '../hearing/heard-audio.ts';
import type { RequestContent } from './dialog.ts';
import type { SipText } from './sip-text.ts';

const keys = '123A456B789C*0#D';
const rows = [697, 770, 852, 941];
const columns = [1209, 1336, 1477, 1633];

/** Whether a phone has all these keys; false for none. */
export function isKeys(digits: string): boolean {
  return /^[0-9*#A-D]+$/i.test(digits);
}

// ---- in the audio

/** The two frequencies of a key, Hz (ITU-T Q.23). */
export function keyFrequencies(key: string): readonly [number, number] {
  const index = keys.indexOf(key.toUpperCase());
  return [rows[index >> 2] as number, columns[index & 3] as number];
}

/** One digit behind the other, each followed by a gap. Samples at 8 kHz. */
export function keyTones(digits: string, durationMs: number, gapMs: number): Int16Array {
  const sounding = Math.round(durationMs * samplesPerMs);
  const length = sounding + Math.round(gapMs * samplesPerMs);
  const out = new Int16Array(digits.length * length);
  for (const [i, digit] of [...digits].entries()) {
    const tone = new ToneGenerator({ frequencies: keyFrequencies(digit), cadence: [], level: -10 }, hearingRate);
    tone.fill(out.subarray(i * length, i * length + sounding));
  }
  return out;
}

// ---- in INFO

/** `application/dtmf-relay` has a line for the digit, `application/dtmf` the digit alone. */
export type InfoType = 'application/dtmf-relay' | 'application/dtmf';

export function infoOf(digit: string, type: InfoType, durationMs: number): RequestContent {
  return { type, body: type === 'application/dtmf' ? digit : `Signal=${digit}\r\nDuration=${durationMs}\r\n` };
}

/** The digit that an INFO tells; '' if it is about something else. */
export function dtmfIn(request: SipText): string {
  const type = request.header('content-type').split(';')[0]?.trim().toLowerCase();
  const signal = /^Signal\s*=\s*(\S+)/im.exec(request.body)?.[1] ?? '';
  const digit = type === 'application/dtmf-relay' ? signal : type === 'application/dtmf' ? request.body.trim() : '';
  return digit.length === 1 && isKeys(digit) ? digit.toUpperCase() : '';
}
