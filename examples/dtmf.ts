/**
 * Collects a number that ends with #, and sends it back as tones.
 *
 *   npx tandem serve examples/dtmf.ts
 */
import type { DialogServerSession } from 'tandem';

export default async function dtmf(call: DialogServerSession): Promise<void> {
  await call.answer();

  const { digits, end } = await call.gather({
    digits: 16,
    terminators: '#',
    timeout: 10_000,
    interDigitTimeout: 3_000,
  });
  console.log(`${call.fromUser} keyed ${digits} (${end})`);
  if (digits) await call.sendDtmf(digits);

  // Single keys, as they come, until the caller hangs up.
  for await (const { digit, at } of call.dtmf()) console.log(new Date(at).toISOString(), digit);
}
