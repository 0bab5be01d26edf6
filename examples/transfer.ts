/**
 * Every call goes to the reception, whose phone may hand it on: blind to an extension, or after a talk on its second
 * line to whom it talked with. The caller stays in this script's call all the time.
 *
 *   RECEPTION=sip:reception@10.0.0.7 SALES=sip:bob@10.0.0.8 npx tandem serve examples/transfer.ts
 */
import type { DialogServerSession, IncomingRefer, Tandem } from 'tandem';

const reception = process.env.RECEPTION ?? 'sip:reception@127.0.0.1:5070';
const extensions: Readonly<Record<string, string>> = {
  200: process.env.SALES ?? 'sip:sales@127.0.0.1:5080',
  300: process.env.SUPPORT ?? 'sip:support@127.0.0.1:5090',
};

export default async function transfer(call: DialogServerSession, tandem: Tandem): Promise<void> {
  const agent = await call.invite(reception);
  agent.onRefer = handOn;
  await using bridge = await tandem.bridge(call, agent);
  const { cause } = await bridge.ended;
  console.log(`over: ${cause?.by}`);
}

async function handOn(refer: IncomingRefer): Promise<void> {
  const extension = extensions[refer.targetUser ?? ''];
  // After a talk the phone names a call that is here; otherwise it may only call who is in the list.
  if (!extension && !refer.replaces) return refer.reject(404);
  console.log(`handed on to ${refer.targetUser}`);
  await refer.execute({ to: extension ?? refer.target, timeout: 20_000 }); // rings for 20 s, else the reception has it back
}
