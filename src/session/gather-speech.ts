/** Collecting what the peer says beside what it presses: whichever comes first. */
import { type Clock, sleep } from '../base/clock.ts';
import type { SpeechEvent } from './analysis.ts';
import type { GatherResult } from './gather.ts';
import { firstTurn, type Transcript } from './transcribe.ts';

/** How long a turn may go on that began before the time was up, ms. */
const turnMs = 15_000;

export interface SpeechGather {
  /** Collects digits; rejects when the signal is aborted. */
  digits(stop: AbortSignal): Promise<GatherResult>;
  transcripts(stop: AbortSignal): AsyncIterable<Transcript>;
  turns(): AsyncIterableIterator<SpeechEvent>;
}

/** @throws what `digits` and `transcripts` throw */
export async function gatherSpeech(clock: Clock, { digits, transcripts, turns }: SpeechGather): Promise<GatherResult> {
  const over = new AbortController();
  const speech = turns();
  let talking = false;
  const watching = (async () => {
    for await (const { type } of speech) talking = type === 'start';
  })();
  const said = firstTurn(transcripts(over.signal)).then((text): Promise<GatherResult> | GatherResult =>
    // Whoever recognises has nothing more to say: it is left to the keys.
    text === undefined ? new Promise<never>(() => {}) : { digits: '', end: 'speech', speech: text },
  );
  const keyed = digits(over.signal);
  for (const one of [said, keyed, watching]) one.catch(() => {});
  try {
    const first = await Promise.race([said, keyed]);
    // Who speaks when the time is up is heard to the end.
    if (first.end !== 'timeout' || first.digits !== '' || !talking) return first;
    return await Promise.race([said, sleep(clock, turnMs, over.signal).then(() => first)]);
  } finally {
    over.abort();
    void speech.return?.();
  }
}
