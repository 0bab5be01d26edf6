/**
 * Answers, waits a minute, hangs up. Leaving the handler is what hangs up.
 *
 *   npx tandem serve examples/answer.ts
 */
import type { DialogServerSession, Tandem } from 'tandem';

export default async function answer(call: DialogServerSession, tandem: Tandem): Promise<void> {
  await call.trying();
  await call.ringing();
  await call.answer();
  console.log(`${call.fromUser} is on the line`);

  // `call.signal` is aborted when the caller hangs up: no need to wait for the rest of the minute.
  await tandem.sleep(60_000, { signal: call.signal }).catch(() => {});
  const cause = call.signal.aborted ? await call.ended : { by: 'local' };
  console.log(`call is over, ended by ${cause.by}`);
}
