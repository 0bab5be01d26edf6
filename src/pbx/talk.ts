/** A caller and the one who took the call, until either hangs up. */
import type { Media } from '../../media/index.ts';
import { isAbort } from '../base/errors.ts';
import { bridgeTwo } from '../session/bridge.ts';
import type { DialogClientSession } from '../session/dialog-client-session.ts';
import type { DialogServerSession } from '../session/dialog-server-session.ts';

/**
 * Bridges the two, answers the caller if need be, and hangs up the leg when they are done.
 * @param onBegun both hear each other
 * @returns false for a leg that was gone again before that
 * @throws as `bridgeTwo`
 */
export async function talk(
  media: Media,
  call: DialogServerSession,
  leg: DialogClientSession,
  onBegun: () => void = () => {},
): Promise<boolean> {
  if (call.onRefer) leg.onRefer = call.onRefer;
  try {
    const bridge = await bridgeTwo(media, call, leg, { transcode: true });
    onBegun();
    await bridge.ended;
    return true;
  } catch (error) {
    if (isAbort(error, leg.signal)) return false;
    throw error;
  } finally {
    await leg.close();
  }
}
