/**
 * Calls AGENT, then CUSTOMER, and connects them: the agent hears the customer's phone ring.
 *
 *   AGENT=sip:1001@10.0.0.7 CUSTOMER=sip:1002@10.0.0.8 npx tandem serve examples/click-to-call.ts
 */
import type { DialogServerSession, Tandem } from 'tandem';

const { AGENT = 'sip:agent@127.0.0.1:5070', CUSTOMER = 'sip:customer@127.0.0.1:5071' } = process.env;

/** Runs once, when the server is up. */
export async function start(tandem: Tandem): Promise<void> {
  await using agent = await tandem.newDialog(AGENT, { displayName: 'Click to call' });
  await agent.invite({ earlyMedia: true, timeout: 30_000 }); // returns at the agent's first audio, or answer
  await agent.waitAnswer();
  await agent.ack();

  const ringing = new AbortController();
  void agent.ringtone().play({ signal: ringing.signal });
  await using bridge = tandem.bridge();
  bridge.add(agent);
  await using customer = await tandem.inviteBridge(CUSTOMER, bridge, { timeout: 30_000 });
  ringing.abort();
  console.log(`connected ${agent.toUser} with ${customer.toUser}`);
  console.log('over:', (await bridge.ended).reason);
}

/** Nobody is expected to call in. */
export async function call(incoming: DialogServerSession): Promise<void> {
  await incoming.reject(403);
}

export default { start, call };
