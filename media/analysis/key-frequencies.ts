/** The two tones of a key (ITU-T Q.23). */
import { eventOf } from '../dtmf/event.ts';

/** Hz, low group. */
export const rows = [697, 770, 852, 941] as const;
/** Hz, high group. */
export const columns = [1209, 1336, 1477, 1633] as const;
/** In the order of rows and columns. */
export const keys = '123A456B789C*0#D';

/** @param event number of RFC 4733, 0–15 @returns Hz, low and high */
export function frequenciesOf(event: number): readonly [number, number] {
  return byEvent[event]!;
}

const byEvent: readonly (readonly [number, number])[] = [...keys]
  .map((key, at) => ({ event: eventOf(key), tones: [rows[at >> 2]!, columns[at & 3]!] as const }))
  .sort((a, b) => a.event - b.event)
  .map(({ tones }) => tones);
