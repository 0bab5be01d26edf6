/** The users of the configuration, as the library wants them: who may call, and who may register. */
import type { Config } from '../config/schema.ts';
import type { DigestSecret, TandemOptions } from '../index.ts';

type AuthOptions = NonNullable<TandemOptions['auth']>;
type Requirement = NonNullable<AuthOptions['require']>;

/**
 * Whoever says to be one of the users has to prove it.
 * @param forUsersOnly which requests are open to nobody else
 */
export function usersOf(
  { users, auth, registrar }: Config,
  forUsersOnly: Requirement = () => false,
): Pick<TandemOptions, 'auth' | 'registrar'> {
  const secrets = Object.entries(users).map(([name, { password, ha1 = '' }]): [string, DigestSecret] => [
    name,
    password === undefined ? { ha1 } : { password },
  ]);
  if (secrets.length === 0) return {};
  const { domains, minExpires, maxExpires, maxContacts, whenFull } = registrar;
  return {
    auth: {
      realm: auth.realm,
      users: Object.fromEntries(secrets),
      algorithms: auth.algorithms,
      require: (caller, called, request) =>
        (caller !== undefined && Object.hasOwn(users, caller)) || forUsersOnly(caller, called, request),
    },
    registrar: {
      ...(domains ? { domains } : {}),
      expires: { min: minExpires, max: maxExpires },
      maxContacts,
      whenFull,
    },
  };
}
