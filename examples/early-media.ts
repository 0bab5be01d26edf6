/**
 * Plays an announcement before the call is answered: the caller hears it, and pays nothing yet.
 *
 *   npx tandem serve examples/early-media.ts
 */
import type { DialogServerSession } from 'tandem';

const announcement = new URL('../prompts/message.wav', import.meta.url);
const welcome = new URL('../prompts/welcome.wav', import.meta.url);

export default async function earlyMedia(call: DialogServerSession): Promise<void> {
  await call.progressMedia(); // 183 with SDP: from here on audio flows
  await call.playback().play(announcement);

  await call.answer();
  await call.playback().play(welcome);
}
