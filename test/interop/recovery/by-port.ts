/** Whom a call is for is in the number that was called: the port of the callee. */
import type { DialogServerSession, Tandem } from 'tandem';

export default async function byPort(call: DialogServerSession, tandem: Tandem): Promise<void> {
  const callee = await call.invite(`sip:uas@127.0.0.1:${call.toUser}`);
  await using bridge = await tandem.bridge(call, callee);
  await bridge.ended;
}
