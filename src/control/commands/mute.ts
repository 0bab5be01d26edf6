import { Conference } from '../../session/conference.ts';
import type { DialogSession } from '../../session/dialog-session.ts';

/** In a conference the others do not hear it any more; else its peer is asked to send nothing. */
export async function mute(leg: DialogSession, on: boolean): Promise<void> {
  if (leg.bridge instanceof Conference) leg.bridge.mute(leg, on);
  else await leg.reInvite({ direction: on ? 'sendonly' : 'sendrecv' });
}
