/** A process that stands still, with real sockets and real timers. */
import { expect, it } from 'vitest';
import { RawPhone } from '../helpers/raw-phone.ts';
import { openTandem } from '../helpers/tandem.ts';

it('does not send again what was acknowledged while it stood still', async () => {
  await using server = await openTandem((call) => call.reject(486));
  const { tandem, port } = server;
  using phone = await RawPhone.open();
  expect((await phone.call(port)).status).toBe(486);
  // The ACK leaves, and nothing is read any more for longer than timer G (RFC 3261 §17.2.1).
  await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
  const until = performance.now() + 900;
  while (performance.now() < until);
  const counters = async () => (await tandem.check()).sip.counters;
  await expect.poll(async () => (await counters()).received).toBe(2);
  expect((await counters()).retransmissionsSent).toBe(0);
});
