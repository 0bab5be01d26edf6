/** Text to speech in memory: each text is a melody of its own, which a phone can listen for. */
import { sleep } from '../base/clock.ts';
import type { Speech, TtsOptions, TtsProvider } from '../base/io.ts';
import type { FakeClock } from './fake-clock.ts';

const sampleRate = 8000;
/** Samples for each character. */
const noteLength = 640;

export class LabTts implements TtsProvider {
  /** What was to be said, in order. */
  readonly asked: { readonly text: string; readonly voice?: string; readonly language?: string }[] = [];
  /** From now on it breaks with this error, after so many characters. */
  failure: { readonly error: Error; readonly after: number } | undefined;
  /** How long each character takes; default 10 ms. */
  paceMs = 10;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** What a text sounds like: 16-bit mono samples at 8 kHz. */
  sound(text: string): Int16Array {
    return Int16Array.from([...text].flatMap((character) => [...note(character)]));
  }

  async synthesize(text: string, { signal, ...how }: TtsOptions): Promise<Speech> {
    this.asked.push({ text, ...how });
    await this.#say(0, signal);
    return { sampleRate, audio: this.#notes(text, signal) };
  }

  async *#notes(text: string, signal: AbortSignal): AsyncGenerator<Int16Array, void, void> {
    for (const [place, character] of [...text].entries()) {
      await this.#say(place, signal);
      yield note(character);
    }
  }

  async #say(place: number, signal: AbortSignal): Promise<void> {
    if (this.failure && place >= this.failure.after) throw this.failure.error;
    await sleep(this.#clock, this.paceMs, signal);
  }
}

function note(character: string): Int16Array {
  const frequency = 300 + 47 * ((character.codePointAt(0) ?? 0) % 60);
  return Int16Array.from({ length: noteLength }, (_, n) =>
    Math.round(6000 * Math.sin((2 * Math.PI * frequency * n) / sampleRate)),
  );
}
