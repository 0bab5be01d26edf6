/** A flood from one address, and calls from another that notice nothing of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { RawPhone } from '../helpers/raw-phone.ts';
import { leftovers, Program } from './support/process.ts';
import { TandemServer } from './support/tandem.ts';

const flooder = fileURLToPath(new URL('./support/flooder.ts', import.meta.url));
const messages = 25_000;
const phones = 10;
const callsEach = 10;

afterAll(() => {
  expect(leftovers()).toEqual([]);
});

/** Calls that are answered and hung up, one after the other; nothing is sent twice. @returns statuses */
async function calls(port: number): Promise<number[]> {
  using phone = await RawPhone.open();
  const statuses: number[] = [];
  for (let i = 0; i < callsEach; i++) {
    statuses.push((await phone.call(port, { user: '600' })).status);
    await delay(400);
    statuses.push((await phone.bye()).status);
  }
  return statuses;
}

describe('5,000 messages a second from one address', () => {
  it.each([
    ['junk', 'junk', {}],
    ['INVITEs to nobody', 'nobody', {}],
    ['REGISTERs', 'register', {}],
    ['INVITEs to an open number', 'echo', { TANDEM_DEFENCE_CALL_RATE: '2', TANDEM_DEFENCE_EXEMPT: '["127.0.0.1"]' }],
  ])('of %s: 100 calls from another succeed', async (_name, kind, limits) => {
    // Nobody is exempt: the calls must do without.
    const env = { TANDEM_DEFENCE_EXEMPT: '[]', ...limits };
    await using server = await TandemServer.start(['ivr'], { env });
    await using flood = new Program(process.execPath, [flooder, kind, '127.0.0.2', String(server.port), `${messages}`]);
    const statuses = await Promise.all(Array.from({ length: phones }, () => calls(server.port)));
    await flood.until('sent', () => flood.stdout.includes('sent'));
    expect(statuses.flat()).toEqual(Array.from({ length: 2 * phones * callsEach }, () => 200));
    const { banned = 0, rateLimited = 0, internalErrors } = (await server.check()).sip.counters;
    // All but what is read before the first hundred of it are refused, which takes its time on a busy machine.
    expect(banned + rateLimited).toBeGreaterThan(messages / 2);
    expect(internalErrors).toBe(0);
    expect(server.errors).toEqual([]);
    expect(server.program.hasEnded).toBe(false);
  });
});
