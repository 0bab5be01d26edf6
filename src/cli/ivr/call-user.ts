/** A call to a user: all its phones ring, the first that answers gets it. */
import type { Binding, DialogServerSession, IncomingRefer, Tandem } from '../../index.ts';
import type { Users } from './users.ts';

/**
 * The caller is a user, too, or comes by a trunk.
 * @param name the user that is called
 * @param phones where it is registered
 */
export async function callUser(
  call: DialogServerSession,
  tandem: Tandem,
  users: Users,
  name: string,
  phones: readonly Binding[],
): Promise<void> {
  const caller = call.user;
  if (caller === undefined && call.trunk === undefined) return call.reject(403);
  if (caller !== undefined && !users.admit(caller, call)) return call.reject(486, 'Too Many Calls');
  if (name !== caller && !users.admit(name, call)) return call.reject(486);
  if (phones.length === 0) return call.reject(480);
  const options = { transcode: true } as const;
  const callerId = caller === undefined ? {} : users.callerId(caller);
  call.onRefer = (refer) => transfer(call, tandem, users, refer);
  const leg = await call.invite(phones, { ...options, ...callerId });
  leg.onRefer = call.onRefer;
  await using bridge = await tandem.bridge(call, leg, options);
  await bridge.ended;
}

/** Users may transfer each other's calls to users, and to whom they have in another call. */
async function transfer(call: DialogServerSession, tandem: Tandem, users: Users, refer: IncomingRefer): Promise<void> {
  const phones = phonesOf(tandem, refer.target, refer.targetUser ?? '');
  const name = phones[0]?.user ?? refer.targetUser ?? '';
  if (!refer.replaces && !users.has(name)) return refer.reject(404);
  if (phones.length > 0 && !users.admit(name, call)) return refer.reject(486);
  await refer.execute({ to: phones });
}

/** Where a user is registered; a GRUU is one phone of a user, whose name it need not tell. */
export function phonesOf(tandem: Tandem, uri: string, number: string): readonly Binding[] {
  return tandem.registrar?.lookup(isGruu(uri) ? uri : number) ?? [];
}

export function isGruu(uri: string): boolean {
  return /;gr\b/i.test(uri);
}
