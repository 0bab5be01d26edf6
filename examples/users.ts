/**
 * A small office: phones register here, and a call to a user rings all phones of that user.
 *
 *   npx tandem serve examples/users.ts --config tandem.yaml
 *
 * tandem.yaml names who may register:
 *
 *   users:
 *     alice: { password: "correct horse" }
 *     bob: { password: "battery staple" }
 */
import type { DialogServerSession, Tandem } from 'tandem';

export default async function users(call: DialogServerSession, tandem: Tandem): Promise<void> {
  console.log(`${call.user ?? 'somebody'} calls ${call.toUser}`);
  const phones = tandem.registrar?.lookup(call.toUser ?? '') ?? [];
  if (phones.length === 0) return call.reject(480);

  // The first phone that answers gets the call. Codecs are converted where the two have none in common.
  const phone = await call.invite(phones, { transcode: true });
  await using bridge = await tandem.bridge(call, phone, { transcode: true });
  await bridge.ended;
}
