/** Where HTTP listens, and who can get there. */
import { isIP } from 'node:net';
import { ConfigError } from '../../base/errors.ts';

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:8080`, `[::1]:8080`. @throws ConfigError */
export function parseHttpAddress(text: string): HttpAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535)
    throw new ConfigError(`http.listen: "${text}" is no address: write host:port, as 127.0.0.1:8080`);
  return { host: match[1] ?? match[2] ?? '', port };
}

/** Only programs on this machine get there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

export function printHttpAddress({ host, port }: HttpAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
