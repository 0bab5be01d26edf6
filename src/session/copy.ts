import type { AudioReader, AudioWriter } from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';

/**
 * Writes everything that `reader` hears to `writer`, until either ends: `copy(rec.reader, rec.writer)`
 * is an echo that is recorded.
 *
 * @returns how many samples went across.
 */
export async function copy(reader: AudioReader, writer: AudioWriter): Promise<number> {
  let samples = 0;
  for (;;) {
    const frame = await reader.read();
    if (!frame) return samples;
    try {
      await writer.write(frame);
    } catch (error) {
      if (error instanceof TandemError && error.code === 'ERR_MEDIA_CLOSED') return samples;
      throw error;
    }
    samples += frame.length;
  }
}
