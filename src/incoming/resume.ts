/** What becomes of a call that an earlier process had, when no script takes it up. */
import { Bridge } from '../session/bridge.ts';
import { Conference } from '../session/conference.ts';
import type { DialogClientSession } from '../session/dialog-client-session.ts';
import type { DialogServerSession } from '../session/dialog-server-session.ts';

/**
 * Goes on with one call of an earlier process; when it returns, the call is hung up.
 * @param step the name of the step that was begun last (`call.step`); undefined if there was none
 */
export type ResumeHandler = (
  call: DialogServerSession | DialogClientSession,
  step: string | undefined,
) => Promise<void> | void;

/** Who talks goes on talking; who was alone with us is hung up. */
export async function goOnTalking(call: DialogServerSession | DialogClientSession): Promise<void> {
  const { bridge } = call;
  if (bridge instanceof Bridge) await bridge.ended;
  else if (bridge instanceof Conference) await call.ended;
  else await call.terminate({ by: 'crash', reason: 'server restarted' });
}
