/** A call to a user: all its phones ring, the first that answers gets it. */
import type { DialogServerSession, InviteTarget, Tandem } from '../../index.ts';
import type { Users } from './users.ts';

/**
 * The caller is a user, too, or comes by a trunk.
 * @param name the user that is called
 * @param phones where it is registered
 */
export async function callUser(
  call: DialogServerSession,
  tandem: Tandem,
  users: Users,
  name: string,
  phones: readonly InviteTarget[],
): Promise<void> {
  const caller = call.user;
  if (caller === undefined && call.trunk === undefined) return call.reject(403);
  if (caller !== undefined && !users.admit(caller, call)) return call.reject(486, 'Too Many Calls');
  if (name !== caller && !users.admit(name, call)) return call.reject(486);
  if (phones.length === 0) return call.reject(480);
  const options = { transcode: true } as const;
  const callerId = caller === undefined ? {} : users.callerId(caller);
  const leg = await call.invite(phones, { ...options, ...callerId });
  await using bridge = await tandem.bridge(call, leg, options);
  await bridge.ended;
}
