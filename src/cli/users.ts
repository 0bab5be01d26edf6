/** The users of the configuration, as the library wants them: who may call, and who may register. They may change. */
import { nodeClock } from '../base/node.ts';
import type { Config } from '../config/schema.ts';
import { type IceServer, iceHeader } from '../console/phone-config.ts';
import type { Secret, TandemOptions } from '../index.ts';
import type { Live } from './live.ts';

type AuthOptions = NonNullable<TandemOptions['auth']>;
type RegistrarHeaders = NonNullable<NonNullable<TandemOptions['registrar']>['headers']>;
type Requirement = NonNullable<AuthOptions['require']>;

/**
 * Whoever says to be one of the users has to prove it.
 * @param forUsersOnly which requests are open to nobody else
 */
export function usersOf(
  live: Live,
  forUsersOnly: Requirement = () => false,
): Pick<TandemOptions, 'auth' | 'registrar'> {
  const { users, auth, registrar, webrtc } = live.config;
  const { iceServers } = webrtc;
  if (Object.keys(users).length === 0) return {};
  const { domains, minExpires, maxExpires, maxContacts, whenFull } = registrar;
  return {
    auth: {
      realm: auth.realm,
      users: (name) => secretOf(live.config, name),
      algorithms: auth.algorithms,
      require: (caller, called, request) =>
        (caller !== undefined && Object.hasOwn(live.config.users, caller)) || forUsersOnly(caller, called, request),
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

function secretOf({ users }: Config, name: string): Secret | undefined {
  const user = Object.hasOwn(users, name) ? users[name] : undefined;
  if (!user) return undefined;
  const { password, ha1 = '' } = user;
  return password === undefined ? { ha1: ha1.toLowerCase() } : { password };
}

/** For phones in browsers, which come by WebSocket. */
function iceHeaders(iceServers: readonly IceServer[]): RegistrarHeaders {
  return (user, transport) =>
    transport === 'ws' || transport === 'wss' ? [['X-Tandem-Ice', iceHeader(iceServers, user, nodeClock)]] : [];
}
