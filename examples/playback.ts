/**
 * Plays a file: WAV of any rate, from a path, a URL, or any stream.
 *
 *   AUDIO=https://example.com/news.wav npx tandem serve examples/playback.ts
 */
import type { DialogServerSession } from 'tandem';

const audio = process.env.AUDIO ?? new URL('../prompts/welcome.wav', import.meta.url);

export default async function play(call: DialogServerSession): Promise<void> {
  await call.answer();
  const { end, playedMs } = await call.playback().play(audio, 'audio/wav');
  console.log(`played ${playedMs} ms, ${end}`); // 'completed', or 'ended' when the caller hung up
}
