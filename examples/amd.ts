/**
 * Calls CUSTOMER with a message: a person hears it at once, an answering machine records it after its beep.
 *
 *   CUSTOMER=sip:1002@10.0.0.8 npx tandem serve examples/amd.ts
 */
import { fileURLToPath } from 'node:url';
import type { DialogServerSession, Tandem } from 'tandem';

const { CUSTOMER = 'sip:customer@127.0.0.1:5071' } = process.env;
const message = fileURLToPath(new URL('../prompts/message.wav', import.meta.url));

/** Runs once, when the server is up. */
export async function start(tandem: Tandem): Promise<void> {
  await using call = await tandem.invite(CUSTOMER, { timeout: 30_000 });
  // Who speaks is a person; a machine is waited for until its beep is over.
  const { verdict, beepAt } = await call.detectMachine();
  console.log(`${call.toUser}: ${verdict}${beepAt === undefined ? '' : ', after the beep'}`);
  if (verdict !== 'fax') await call.playback().play(message);
}

/** Nobody is expected to call in. */
export async function call(incoming: DialogServerSession): Promise<void> {
  await incoming.reject(403);
}

export default { start, call };
