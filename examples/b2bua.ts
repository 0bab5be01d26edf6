/**
 * Back-to-back user agent: every call goes on to TARGET, with ringing, early media and refusals
 * passed back to the caller.
 *
 *   TARGET=sip:uas@127.0.0.1:5090 npx tandem serve examples/b2bua.ts --listen udp:127.0.0.1:5060
 */
import type { DialogServerSession, Tandem } from 'tandem';

const target = process.env.TARGET ?? 'sip:uas@127.0.0.1:5090';

export default async function b2bua(call: DialogServerSession, tandem: Tandem): Promise<void> {
  const callee = await call.invite(target); // refused: the caller gets the same status
  await using bridge = await tandem.bridge(call, callee); // answers the caller
  await bridge.ended; // either side's BYE; leaving ends the other
}
