/** Where HTTP listens. */
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

export function printHttpAddress({ host, port }: HttpAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
