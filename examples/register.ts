/**
 * Registers an account at a provider, and answers the calls that come from there.
 *
 *   ACCOUNT=sip:alice@sip.example.com PASSWORD=secret npx tandem serve examples/register.ts
 */
import type { DialogServerSession, Tandem } from 'tandem';

const { ACCOUNT = 'sip:alice@127.0.0.1:5070', PASSWORD } = process.env;
const welcome = new URL('../prompts/welcome.wav', import.meta.url);

/** Runs once, when the server is up. */
export async function start(tandem: Tandem): Promise<void> {
  tandem.observer.on('registration:failed', ({ status, retryInMs }) => {
    console.log(`not registered: ${status}, next try in ${Math.round((retryInMs ?? 0) / 1000)} s`);
  });
  // It is kept up, and taken back when the server stops.
  const registration = await tandem.register(ACCOUNT, {
    ...(PASSWORD === undefined ? {} : { password: PASSWORD }),
    keepTrying: true, // the provider may be away when we start
  });
  console.log(`${registration.uri} is registered as ${registration.contact}`);
}

export async function call(incoming: DialogServerSession): Promise<void> {
  await incoming.answer();
  await incoming.playback().play(welcome);
}

export default { start, call };
