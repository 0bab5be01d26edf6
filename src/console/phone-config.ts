/** What the softphone page is told: where SIP is, and which servers help its audio through (RFC 8445, RFC 8656). */
import { createHmac } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { hostName } from '../control/http/access.ts';
import type { SiteRequest, SiteRoute } from '../control/http/site.ts';
import type { SipListener } from '../sip/options.ts';
import { hostPort, isWildcard } from '../sip/transport/address.ts';
import type { PhoneConfig } from './protocol.ts';

export interface IceServer {
  /** As `stun:host:port`, `turn:host:port?transport=udp`. */
  readonly urls: string | readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
  /** Instead of both: shared with the TURN server, which takes what is made of it until `ttl` is over. */
  readonly secret?: string | undefined;
  /** s; default 86,400 */
  readonly ttl?: number | undefined;
}

export interface PhoneConfigOptions {
  readonly iceServers: readonly IceServer[];
  /** Default: those of `listeners`, by the name that the page was asked for. */
  readonly servers?: readonly string[] | undefined;
  /** Default: the host that the page was asked of. */
  readonly domain?: string | undefined;
  readonly clock: Pick<Clock, 'wallclock'>;
  listeners(): readonly Pick<SipListener, 'transport' | 'host' | 'port' | 'externalHost'>[];
}

type SharedIceServer = PhoneConfig['iceServers'][number];

const defaultTtl = 86_400;

/**
 * For one user, with credentials that end.
 * @param user becomes part of what the TURN server logs
 */
export function iceServersFor(
  servers: readonly IceServer[],
  user: string,
  clock: Pick<Clock, 'wallclock'>,
): readonly SharedIceServer[] {
  return servers.map(({ urls: given, username, credential, secret, ttl = defaultTtl }) => {
    const urls = typeof given === 'string' ? [given] : given;
    if (secret !== undefined) {
      const name = `${Math.floor(clock.wallclock() / 1000) + ttl}:${user}`;
      return { urls, username: name, credential: createHmac('sha1', secret).update(name).digest('base64') };
    }
    return username === undefined ? { urls } : { urls, username, credential: credential ?? '' };
  });
}

/**
 * What `X-Tandem-Ice` says in the answer to a phone that registered: it has shown its password, and whoever opens the
 * page has not. A URL that gives it to who asks by Digest would be one more place to guess passwords at.
 */
export function iceHeader(servers: readonly IceServer[], user: string, clock: Pick<Clock, 'wallclock'>): string {
  return Buffer.from(JSON.stringify(iceServersFor(servers, user, clock))).toString('base64url');
}

export function phoneConfigRoute(options: PhoneConfigOptions): SiteRoute {
  return {
    method: 'GET',
    path: '/phone/config',
    open: true,
    answer: (request) => ({ body: phoneConfig(options, request) satisfies PhoneConfig }),
  };
}

function phoneConfig(options: PhoneConfigOptions, { headers, secure, admission }: SiteRequest): PhoneConfig {
  const { iceServers, servers, domain, clock } = options;
  const host = hostName(headers.host);
  // TURN carries whatever it is paid for: no stranger gets its credentials.
  const known = 'role' in admission ? iceServers : iceServers.flatMap(stunOf);
  return {
    servers: servers ?? socketUrls(options, headers.host ?? host, secure),
    domain: domain ?? host,
    iceServers: iceServersFor(known, 'role' in admission ? admission.who : '', clock),
  };
}

function stunOf({ urls }: IceServer): IceServer[] {
  const stun = [urls].flat().filter((url) => /^stuns?:/i.test(url));
  return stun.length === 0 ? [] : [{ urls: stun }];
}

/**
 * Where a page finds SIP: by the port that it came from, and by the listeners.
 * @param host of the page, with port
 * @param secure over HTTPS a browser refuses `ws`
 */
export function socketUrls(
  { listeners }: Pick<PhoneConfigOptions, 'listeners'>,
  host: string,
  secure: boolean,
): readonly string[] {
  const name = hostName(host);
  const urls = listeners()
    .filter(({ transport }) => transport === 'wss' || (transport === 'ws' && !secure))
    .map(({ transport, port, host: bound, externalHost }) => {
      const at = isWildcard(bound) ? name : externalHost;
      return `${transport}://${hostPort(at, port)}/ws`;
    });
  // Next to a page without TLS the certificate may be one that nobody has accepted yet.
  const rank = (url: string): number => {
    if (url.startsWith(`${secure ? 'wss' : 'ws'}://${host}/`)) return 0;
    return url.startsWith('wss:') === secure ? 1 : 2;
  };
  return [...new Set(urls)].sort((a, b) => rank(a) - rank(b));
}
