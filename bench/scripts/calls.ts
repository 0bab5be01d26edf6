/** What the callers of the bench get, by their name in From: echo, music, or silence. */
import type { DialogServerSession } from 'tandem';

const music = new URL('../../prompts/music.wav', import.meta.url);

export default async function calls(call: DialogServerSession): Promise<void> {
  await call.answer();
  if (call.fromUser?.startsWith('play')) await call.playback().play(music, { type: 'audio/wav', loop: true });
  else if (call.fromUser?.startsWith('idle')) await call.ended;
  else await call.echo();
}
