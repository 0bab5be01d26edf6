/** What the peer says, as text: by a provider, since to recognise speech is not ours. */
import type { AudioReader } from '../../media/index.ts';
import { abortable } from '../base/abortable.ts';
import { messageOf, TandemError } from '../base/errors.ts';

/** Recognises speech. */
export interface SttProvider {
  /** Samples per second that it wants; default 16,000. */
  readonly sampleRate?: number;
  /**
   * Text of speech, as it becomes known; ends with the audio, or soon after. What it throws is ERR_STT for the script.
   * @param audio Int16 mono, 20 ms a frame, as they come; leaving the loop stops them
   */
  transcribe(audio: AsyncIterable<Int16Array>, options: SttOptions): AsyncIterable<Recognised>;
}

export interface SttOptions {
  readonly sampleRate: number;
  /** BCP 47, such as `de-CH`; undefined: as the provider is set up. */
  readonly language: string | undefined;
  /** Aborted when nobody wants to know any more. */
  readonly signal: AbortSignal;
}

export interface Recognised {
  readonly text: string;
  /** It will not change any more: what was said up to the end of a turn. */
  readonly final: boolean;
}

export interface Transcript extends Recognised {
  /** Unix milliseconds when it became known. */
  readonly at: number;
}

export interface TranscribeOptions {
  readonly language?: string;
  readonly signal?: AbortSignal;
}

const defaultRate = 16_000;

/** Ends when the signal is aborted. @throws TandemError ERR_STT */
export async function* transcribe(
  provider: SttProvider | undefined,
  open: (sampleRate: number) => AudioReader,
  wallclock: () => number,
  { language, signal }: Pick<SttOptions, 'language' | 'signal'>,
): AsyncGenerator<Transcript, void, void> {
  if (!provider) throw new TandemError('ERR_STT', 'nobody recognises speech here: give Tandem the option stt');
  const reader = open(provider.sampleRate ?? defaultRate);
  let results: AsyncIterator<Recognised> | undefined;
  try {
    const { sampleRate } = reader;
    results = provider.transcribe(reader, { sampleRate, language, signal })[Symbol.asyncIterator]();
    for (;;) {
      const next = await abortable(results.next(), signal);
      if (next.done) return;
      const { text, final } = next.value;
      yield { text, final, at: wallclock() };
    }
  } catch (error) {
    if (signal.aborted) return;
    throw new TandemError('ERR_STT', `the speech could not be recognised: ${messageOf(error)}`, { cause: error });
  } finally {
    reader.close();
    // A provider that hangs is not waited for.
    results?.return?.()?.catch(() => {});
  }
}

/** The text of the first turn; undefined when there is none before the end. */
export async function firstTurn(transcripts: AsyncIterable<Transcript>): Promise<string | undefined> {
  for await (const { text, final } of transcripts) if (final && text.trim() !== '') return text;
  return undefined;
}
