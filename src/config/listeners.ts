/** What `listen` means: text or object, with the addresses that peers are to see. */
import { ConfigError } from '../base/errors.ts';
import type { Config } from './schema.ts';

const transports = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const;
type Transport = (typeof transports)[number];

/** @template Tls what a listener with TLS needs */
export interface Listener<Tls> {
  readonly transport: Transport;
  readonly bindHost: string;
  readonly bindPort: number;
  readonly externalHost?: string;
  readonly externalPort?: number;
  readonly mediaExternalIp?: string;
  readonly tls?: Tls;
  readonly origins?: Origins;
}

/** Pages, or who knows them when one comes. */
type Origins = readonly string[] | (() => readonly string[] | undefined);

/** @throws ConfigError for what is no listener, and for TLS without a certificate */
export function listenersOf<Tls>(
  config: Pick<Config, 'listen' | 'externalHost' | 'mediaExternalIp' | 'origins'>,
  tls?: Tls,
  origins: Origins | undefined = pagesOf(config),
): Listener<Tls>[] {
  return config.listen.map((entry) => {
    const given = typeof entry === 'string' ? parseListener(entry) : entry;
    const transport = transportOf(given.transport);
    const externalHost = given.externalHost ?? config.externalHost;
    const mediaExternalIp = given.mediaExternalIp ?? config.mediaExternalIp;
    const secure = transport === 'tls' || transport === 'wss';
    if (secure && tls === undefined)
      throw new ConfigError(`listening on ${transport} needs a certificate: set tls.cert and tls.key`);
    return {
      transport,
      bindHost: given.host.replace(/^\[(.*)\]$/, '$1'),
      bindPort: given.port,
      ...(externalHost === undefined ? {} : { externalHost }),
      ...(given.externalPort === undefined ? {} : { externalPort: given.externalPort }),
      ...(mediaExternalIp === undefined ? {} : { mediaExternalIp }),
      ...(secure && tls !== undefined ? { tls } : {}),
      ...(transport.startsWith('ws') && origins ? { origins } : {}),
    };
  });
}

/** The pages that may connect; undefined: all. */
export function pagesOf({ origins }: Pick<Config, 'origins'>): readonly string[] | undefined {
  return origins.includes('*') ? undefined : origins;
}

interface Given {
  readonly transport: string;
  readonly host: string;
  readonly port: number;
  readonly externalHost?: string | undefined;
  readonly externalPort?: number | undefined;
  readonly mediaExternalIp?: string | undefined;
}

/** `udp:0.0.0.0:5060`, `tcp:[::1]:5070`. */
export function parseListener(text: string): Given {
  const match = /^([a-z]+):(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535)
    throw new ConfigError(
      `"${text}" is not a listener: write transport:host:port, as udp:0.0.0.0:5060 or tcp:[::1]:5060`,
    );
  return { transport: match[1] as string, host: match[2] as string, port };
}

function transportOf(name: string): Transport {
  const found = transports.find((one) => one === name);
  if (found) return found;
  throw new ConfigError(`"${name}" is no transport: use ${transports.join(', ')}`);
}
