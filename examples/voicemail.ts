/**
 * Users with mailboxes. Who does not answer within 20 s, or is on the phone, has a message taken; *97 listens to one's
 * own. Phones show how many messages wait.
 *
 *   npx tandem serve examples/voicemail.ts --config tandem.yaml
 */
import type { DialogServerSession, Tandem } from 'tandem';

const { MAILBOXES = 'voicemail' } = process.env;
const users = (process.env.USERS ?? '5001,5002').split(',');

/** Runs once, when the server is up: from now on phones are told of their messages. */
export function start(tandem: Tandem): void {
  for (const user of users) {
    tandem.voicemail(user, { folder: MAILBOXES, notify: 'unsolicited' });
    tandem.ringGroup(user, { members: [user], ringTime: 20_000 });
  }
}

export async function call(caller: DialogServerSession, tandem: Tandem): Promise<void> {
  const number = caller.toUser ?? '';
  if (number === '*97') {
    // The caller's own, which its password has shown; nobody else's.
    if (!users.includes(caller.user ?? '')) return caller.reject(403);
    const { end, number: back } = await tandem.voicemail(caller.user ?? '').listen(caller);
    if (end === 'call-back' && back && users.includes(back)) await tandem.ringGroup(back).connect(caller);
    return;
  }
  if (!users.includes(number)) return caller.reject(404);
  const { end } = await tandem.ringGroup(number).connect(caller);
  if (end === 'answered' || end === 'abandoned') return;
  const message = await tandem.voicemail(number).record(caller);
  if (message) console.log(`${number} has a message of ${Math.round(message.durationMs / 1000)} s`);
}

export default { start, call };
