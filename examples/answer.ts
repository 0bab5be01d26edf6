/**
 * Answers, waits a minute, hangs up. Leaving the handler is what hangs up.
 *
 *   npx tandem serve examples/answer.ts
 */
import { setTimeout } from 'node:timers/promises';
import type { DialogServerSession } from 'tandem';

export default async function answer(call: DialogServerSession): Promise<void> {
  await call.trying();
  await call.ringing();
  await call.answer();
  console.log(`${call.fromUser} is on the line`);

  // `call.signal` is aborted when the caller hangs up: no need to wait for the rest of the minute.
  await setTimeout(60_000, undefined, { signal: call.signal }).catch(() => {});
  const cause = call.signal.aborted ? await call.ended : { by: 'local' };
  console.log(`call is over, ended by ${cause.by}`);
}
