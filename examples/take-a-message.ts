/**
 * Takes a message: after the beep the caller speaks until he presses a key, is silent for 4 s, or hangs up.
 *
 *   npx tandem serve examples/take-a-message.ts      # writes message.wav
 */
import type { DialogServerSession } from 'tandem';

const prompt = (name: string): URL => new URL(`../prompts/${name}.wav`, import.meta.url);
const target = process.env.MESSAGE ?? 'message.wav';

export default async function takeAMessage(call: DialogServerSession): Promise<void> {
  await call.answer();
  await call.playback().play([prompt('not-available'), prompt('record')], { bargeIn: 'dtmf' });
  if (call.signal.aborted) return;

  await using recording = call.recording(target, {
    channels: 1,
    direction: 'in',
    beep: true,
    maxDuration: 120_000,
    maxSilence: 4_000,
    trimSilence: true,
  });
  const stop = () => recording.close();
  const key = call.gather({ digits: 1, timeout: 130_000 }).then(stop, stop);
  const { durationMs, end } = await Promise.race([recording.done, key]);
  console.log(`a message of ${Math.round(durationMs / 1000)} s from ${call.fromUser} (${end})`);
  if (!call.signal.aborted) await call.playback().play(prompt('goodbye'));
}
