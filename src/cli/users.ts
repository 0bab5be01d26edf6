/** The users of the configuration, as the library wants them: who may call, and who may register. */
import { nodeClock } from '../base/node.ts';
import type { Config } from '../config/schema.ts';
import { type IceServer, iceHeader } from '../console/phone-config.ts';
import type { Secret, TandemOptions } from '../index.ts';

type AuthOptions = NonNullable<TandemOptions['auth']>;
type RegistrarHeaders = NonNullable<NonNullable<TandemOptions['registrar']>['headers']>;
type Requirement = NonNullable<AuthOptions['require']>;

/**
 * Whoever says to be one of the users has to prove it.
 * @param forUsersOnly which requests are open to nobody else
 */
export function usersOf(
  { users, auth, registrar, webrtc: { iceServers } }: Config,
  forUsersOnly: Requirement = () => false,
): Pick<TandemOptions, 'auth' | 'registrar'> {
  const secrets = Object.entries(users).map(([name, { password, ha1 = '' }]): [string, Secret] => [
    name,
    password === undefined ? { ha1: ha1.toLowerCase() } : { password },
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
      ...(iceServers.length === 0 ? {} : { headers: iceHeaders(iceServers) }),
    },
  };
}

/** For phones in browsers, which come by WebSocket. */
function iceHeaders(iceServers: readonly IceServer[]): RegistrarHeaders {
  return (user, transport) =>
    transport === 'ws' || transport === 'wss' ? [['X-Tandem-Ice', iceHeader(iceServers, user, nodeClock)]] : [];
}
