/**
 * Sends back what it hears, byte for byte: for measuring a network, or a phone.
 *
 *   npx tandem serve examples/echo.ts
 */
import type { DialogServerSession } from 'tandem';

export default async function echo(call: DialogServerSession): Promise<void> {
  await call.answer();
  const minute = AbortSignal.timeout(60_000);
  await call.echo({ signal: minute }); // until the caller hangs up, a minute at most

  if (call.signal.aborted) return;
  const { codec, received } = await call.stats();
  console.log(
    `${codec}: ${received.packets} packets, ${received.lost} lost, jitter ${received.jitterMs.toFixed(1)} ms`,
  );
}
