/**
 * A receptionist: asks for 1 or 2, rings that phone, and connects both until one hangs up.
 *
 *   SALES=sip:bob@10.0.0.7 SUPPORT=sip:carol@10.0.0.8 npx tandem serve examples/bridge.ts
 */
import { type DialogServerSession, type Tandem, TandemError } from 'tandem';

const { SALES = 'sip:sales@127.0.0.1:5070', SUPPORT = 'sip:support@127.0.0.1:5071' } = process.env;
const prompt = (name: string): URL => new URL(`../prompts/${name}.wav`, import.meta.url);

export default async function reception(call: DialogServerSession, tandem: Tandem): Promise<void> {
  await call.answer();
  const { digits } = await call.gather({ digits: 1, play: prompt('welcome') });

  const ringing = new AbortController();
  void call.ringtone().play({ signal: ringing.signal });
  try {
    const agent = await call.invite(digits === '2' ? SUPPORT : SALES, { timeout: 30_000 });
    ringing.abort();
    await using bridge = await tandem.bridge(call, agent);
    const { reason } = await bridge.ended;
    console.log(`bridge is over: ${reason}`);
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    ringing.abort();
    console.log(`nobody took it: ${error.message}`); // refused, or no answer in time
    await call.playback().play(prompt('not-available'));
  }
}
