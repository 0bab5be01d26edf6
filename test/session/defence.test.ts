/** The defence of a Tandem: bans as its users see them, and who is none of its business. */
import { describe } from 'vitest';
import type { DialogResponseError } from '../../src/index.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

describe('a source that is banned', () => {
  test('is told to the observer, listed, and let in again', async ({ lab }) => {
    const tandem = await lab.serve((call) => call.answer());
    const events: unknown[] = [];
    tandem.observer.on('sip:banned', ({ address, reason }) => {
      events.push([address, reason]);
    });
    const phone = lab.phone();
    const headers = [['User-Agent', 'friendly-scanner']] as const;
    const scan = phone.ask('OPTIONS', 'sip:1000@10.0.0.1', { headers }).catch(() => 'no answer');
    await lab.clock.advance(40_000);
    expect(await scan).toBe('no answer');
    expect(events).toEqual([[phone.address, 'scanner']]);
    expect(tandem.defence.bans()).toMatchObject([{ address: phone.address, reason: 'scanner' }]);
    expect((await tandem.check()).sip.bans).toBe(1);
    expect(tandem.defence.unban(phone.address)).toBe(true);
    await phone.dial('1000');
    await phone.ends();
  });
});

describe('callers with a password', () => {
  /** Calls again and again from one address until nobody answers. @returns statuses, 408 for silence */
  async function calls(lab: Lab, password: string, count: number): Promise<number[]> {
    const caller = lab.newTandem({ name: 'caller' });
    await caller.open();
    const statuses: number[] = [];
    while (statuses.length < count && statuses.at(-1) !== 408) {
      try {
        const session = await lab.run(caller.invite('sip:1000@10.0.0.1', { username: 'bob', password }));
        await lab.run(session.close());
        statuses.push(200);
      } catch (error) {
        statuses.push((error as DialogResponseError).status);
      }
    }
    return statuses;
  }

  const auth = { users: { bob: { password: 'right' } } };

  test('are banned when they go on guessing', async ({ lab }) => {
    const tandem = await lab.serve((call) => call.answer(), { auth });
    const statuses = await calls(lab, 'wrong', 60);
    expect(statuses.at(-1)).toBe(408);
    expect(new Set(statuses.slice(0, -1))).toEqual(new Set([401]));
    // Five failures each, and two tenths for either 401, of two hundred.
    expect(statuses.length).toBeGreaterThan(10);
    expect(statuses.length).toBeLessThan(45);
    expect(tandem.defence.bans()).toMatchObject([{ address: '10.0.0.2', reason: 'credentials' }]);
  });

  test('may call as often as they like when it is right', async ({ lab }) => {
    // Forty 401 alone would be too many.
    const defence = { rate: 1, burst: 5, banAfter: 7 };
    const tandem = await lab.serve((call) => call.answer(), { auth, defence });
    expect(new Set(await calls(lab, 'right', 40))).toEqual(new Set([200]));
    expect((await tandem.check()).sip.counters).toMatchObject({ bans: 0, rateLimited: 0 });
  });
});

describe('a trunk', () => {
  test('is never limited, whatever it calls', async ({ lab }) => {
    const trunks = { main: { uri: 'sip:10.0.0.9', trusted: ['10.0.1.0/24'] } };
    const tandem = await lab.serve((call) => call.reject(404), { trunks });
    const phone = lab.phone();
    for (let i = 0; i < 300; i++) await lab.run(phone.anotherLine().invite('4711').settled);
    await lab.clock.advance(10);
    const { received, bans, rateLimited } = (await tandem.check()).sip.counters;
    expect([received >= 600, bans, rateLimited]).toEqual([true, 0, 0]);
  });
});
