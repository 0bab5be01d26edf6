/** What `listen` means: text or object, with the addresses that peers are to see. */
import { ConfigError } from '../base/errors.ts';
import type { Config } from './schema.ts';

export interface Listener {
  readonly transport: 'udp' | 'tcp';
  readonly bindHost: string;
  readonly bindPort: number;
  readonly externalHost?: string;
  readonly externalPort?: number;
  readonly mediaExternalIp?: string;
}

/** @throws ConfigError for what is no listener, and for transports that do not exist yet. */
export function listenersOf(config: Pick<Config, 'listen' | 'externalHost' | 'mediaExternalIp'>): Listener[] {
  return config.listen.map((entry) => {
    const given = typeof entry === 'string' ? parseListener(entry) : entry;
    const externalHost = given.externalHost ?? config.externalHost;
    const mediaExternalIp = given.mediaExternalIp ?? config.mediaExternalIp;
    return {
      transport: transportOf(given.transport),
      bindHost: given.host.replace(/^\[(.*)\]$/, '$1'),
      bindPort: given.port,
      ...(externalHost === undefined ? {} : { externalHost }),
      ...(given.externalPort === undefined ? {} : { externalPort: given.externalPort }),
      ...(mediaExternalIp === undefined ? {} : { mediaExternalIp }),
    };
  });
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

function transportOf(name: string): 'udp' | 'tcp' {
  if (name === 'udp' || name === 'tcp') return name;
  if (name === 'tls' || name === 'ws' || name === 'wss')
    throw new ConfigError(`listening on ${name} is not available yet: use udp or tcp`);
  throw new ConfigError(`"${name}" is no transport: use udp or tcp`);
}
