/**
 * Chooses what to do by the number that was called.
 *
 *   npx tandem serve examples/routing.ts
 */
import type { DialogServerSession } from 'tandem';

const welcome = new URL('../prompts/welcome.wav', import.meta.url);

export default async function route(call: DialogServerSession): Promise<void> {
  switch (call.toUser) {
    case 'play':
      return play(call);
    case 'echo':
      return echo(call);
    case 'busy':
      return call.reject(486);
    case 'moved':
      return call.redirect('sip:play@127.0.0.1:5060');
    default:
      return call.reject(404, 'No such service');
  }
}

async function play(call: DialogServerSession): Promise<void> {
  await call.answer();
  await call.playback().play(welcome);
}

async function echo(call: DialogServerSession): Promise<void> {
  await call.answer();
  await call.echo();
}
