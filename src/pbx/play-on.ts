/** What goes on while the call has one peer after the other. */
import type { PlayResult } from '../../media/index.ts';
import type { DialogSession } from '../session/dialog-session.ts';

/**
 * Plays until it is stopped, or the call is over. With the audio of a peer that was transferred away a playback ends;
 * whoever came in its place hears it from the beginning.
 * @throws as `play`
 */
export async function playOn(call: DialogSession, play: () => Promise<PlayResult>): Promise<void> {
  for (;;) {
    const { end } = await play();
    if (end !== 'ended' || call.signal.aborted) return;
  }
}
