/** Two INVITEs in the same instant, against a limit of one call: how many get in. */
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import { chance, type Lab } from '../../src/testing/index.ts';

/** @returns for each round the statuses of the two, in order */
export async function twoAtOnce(lab: Lab, rounds: number): Promise<readonly string[]> {
  const random = lab.random('limit');
  const handler = async (call: DialogServerSession): Promise<void> => {
    // Each handler is somewhere else in its work.
    if (chance(random, 0.5)) await call.trying();
    if (chance(random, 0.5)) await Promise.resolve();
    if (!call.profiles.limit('customer', 'acme', 1)) return call.reject(486);
    await call.answer();
    await call.ended;
  };
  await lab.serve(handler, { registry: { profilesWithValue: ['customer'] } });
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  const seen: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const calls = [alice.invite('1000'), bob.invite('1000')];
    await lab.advance(50);
    seen.push(
      calls
        .map(({ status }) => status)
        .sort()
        .join(' '),
    );
    for (const [index, phone] of [alice, bob].entries()) if (calls[index]?.status === 200) await phone.hangup();
    await lab.advance(50);
  }
  return seen;
}
