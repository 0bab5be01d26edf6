/**
 * A telephone-event (RFC 4733 §2.3):
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     |     event     |E|R| volume    |          duration             |
 */
export const eventBytes = 4;
/** The longest duration of one segment; a longer press goes on in another (§2.5.1.3). */
export const maxDuration = 0xffff;

const digits = '0123456789*#ABCD';

/** Undefined for events that are no DTMF digits (flash, tones). */
export function digitOf(event: number): string | undefined {
  return digits[event];
}

/** −1 for what is no digit. */
export function eventOf(digit: string): number {
  return digits.indexOf(digit);
}

/** @param duration in timestamp units; @param volume −dBm0 */
export function writeEvent(
  buffer: Uint8Array,
  offset: number,
  event: number,
  end: boolean,
  volume: number,
  duration: number,
): void {
  buffer[offset] = event;
  buffer[offset + 1] = (end ? 0x80 : 0) | (volume & 0x3f);
  buffer[offset + 2] = duration >> 8;
  buffer[offset + 3] = duration;
}
