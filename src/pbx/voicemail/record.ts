/** What a caller says, into a file. */
import { messageOf, TandemError } from '../../base/errors.ts';
import type { DialogSession } from '../../session/dialog-session.ts';

/**
 * From a beep on until a key, silence, the longest time or the end of the call.
 * @returns ms of sound, without the silence at its end
 * @throws TandemError ERR_VOICEMAIL when it cannot be written; what is there of it is for the caller to take away
 */
export async function recordUntilKey(
  call: DialogSession,
  path: string,
  { maxDuration, maxSilence }: { readonly maxDuration: number; readonly maxSilence: number },
): Promise<number> {
  // A key that cut the greeting short is not one that ends the message.
  await call.gather({ timeout: 0, interDigitTimeout: 0, terminators: '' });
  const recording = call.recording(path, {
    ...{ channels: 1, direction: 'in', beep: true, trimSilence: true, maxDuration, maxSilence },
  });
  const pressed = new AbortController();
  const stop = (): void => void recording.close().catch(() => {});
  call.gather({ digits: 1, timeout: maxDuration + 60_000, signal: pressed.signal }).then(stop, stop);
  try {
    return (await recording.done).durationMs;
  } catch (error) {
    throw new TandemError('ERR_VOICEMAIL', `the message cannot be written: ${messageOf(error)}`, { cause: error });
  } finally {
    pressed.abort();
    await recording.close().catch(() => {});
  }
}
