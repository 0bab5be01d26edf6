import { describe } from 'vitest';
import type { FindSecret } from '../../src/index.ts';
import type { DialogResponseError } from '../../src/session/errors.ts';
import type { AuthOptions } from '../../src/sip/authenticator.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** A server that wants to know its callers, and what it heard of them; and a client of ours. */
async function house(lab: Lab, auth: AuthOptions) {
  const callers: (string | undefined)[] = [];
  await lab.serve(
    async (call) => {
      callers.push(call.user);
      await call.answer();
      await call.ended;
    },
    { auth },
  );
  const client = lab.newTandem({ name: 'client' });
  await client.open();
  const call = async (options: { username?: string; password?: string; from?: string } = {}): Promise<number> => {
    try {
      const session = await lab.run(client.invite('sip:1000@10.0.0.1', options));
      await lab.run(session.close());
      return 200;
    } catch (error) {
      return (error as DialogResponseError).status;
    }
  };
  return { call, callers };
}

describe('callers that have to show a password', () => {
  test('are known by it, and nobody else gets in', async ({ lab }) => {
    const { call, callers } = await house(lab, { users: { alice: { password: 'secret' } } });
    expect(await call({ username: 'alice', password: 'secret' })).toBe(200);
    expect(await call({ username: 'alice', password: 'guess' })).toBe(401);
    expect(await call({ username: 'toString', password: '' })).toBe(401);
    expect(await call()).toBe(401);
    expect(callers).toEqual(['alice']);
  });

  test('may be looked up elsewhere, by the strongest algorithm both know', async ({ lab }) => {
    const users: FindSecret = async (name) => (name === 'bob' ? { password: 'hidden' } : undefined);
    const { call, callers } = await house(lab, { users, algorithms: ['SHA-256', 'MD5'], qop: ['auth-int'] });
    expect(await call({ username: 'bob', password: 'hidden' })).toBe(200);
    expect(await call({ username: 'carol', password: 'hidden' })).toBe(401);
    expect(callers).toEqual(['bob']);
    const story = lab.timeLine.entries().map(({ detail = '' }) => detail);
    expect(story.filter((text) => /^Authorization: Digest .*algorithm=SHA-256, qop=auth-int/m.test(text))).not.toEqual(
      [],
    );
  });

  test('who may call without is for the house to say; wrong credentials are refused all the same', async ({ lab }) => {
    const { call, callers } = await house(lab, {
      users: { alice: { password: 'secret' } },
      require: (caller) => caller === 'alice',
    });
    expect(await call({ from: 'somebody' })).toBe(200);
    expect(await call({ from: 'alice' })).toBe(401);
    expect(await call({ from: 'sip:%61lice@10.0.0.2' })).toBe(401);
    expect(await call({ from: 'alice', username: 'alice', password: 'secret' })).toBe(200);
    expect(callers).toEqual([undefined, 'alice']);
  });

  test('a directory that fails is an answer of 500', async ({ lab }) => {
    const { call } = await house(lab, { users: () => Promise.reject(new Error('the database is gone')) });
    expect(await call({ username: 'alice', password: 'secret' })).toBe(500);
  });
});
