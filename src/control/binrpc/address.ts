/** Where a control server is, in the words of `kamcmd -s`. Pure. */
import { ConfigError, fail, ok, type Result } from '../../base/errors.ts';
import { isLoopback } from '../loopback.ts';

export type ControlAddress = FileAddress | PortAddress;

export interface FileAddress {
  readonly transport: 'unixs' | 'unixd';
  readonly path: string;
}

export interface PortAddress {
  readonly transport: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
}

const defaultPort = 2049;

/** `unixs:path`, `unixd:path`, `tcp:host:port`, `udp:host:port`; a bare path is unixs, a bare `host:port` udp. */
export function parseControlAddress(text: string): Result<ControlAddress> {
  const [, transport, rest] = /^(unixs?|unixd|tcp|udp):(.*)$/.exec(text) ?? [undefined, bareTransport(text), text];
  if (transport === 'tcp' || transport === 'udp') return hostAndPort(transport, rest as string);
  // A name in the kernel's table (a 0 first) has no permissions; 107 bytes are what a sockaddr_un takes.
  if (!rest || rest.includes('\0') || Buffer.byteLength(rest) > 107) return fail(`"${text}" names no socket file`);
  return ok({ transport: transport === 'unixd' ? 'unixd' : 'unixs', path: rest });
}

/** As `parseControlAddress`, for a listener. @throws ConfigError, also for an address that others can reach */
export function listenerAddress(text: string): ControlAddress {
  const read = parseControlAddress(text);
  if (!read.ok) throw new ConfigError(`control: ${read.error}`);
  const address = read.value;
  if ('host' in address && !isLoopback(address.host))
    throw new ConfigError(
      `control: ${text} can be reached from other machines, and BINRPC has no password: ` +
        'bind it to 127.0.0.1, or let them use HTTP with a token',
    );
  return address;
}

/** As it is given to `kamcmd -s`. */
export function printControlAddress(address: ControlAddress): string {
  if ('path' in address) return `${address.transport}:${address.path}`;
  return `${address.transport}:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

function bareTransport(text: string): string {
  return /^[^/]+:\d+$/.test(text) ? 'udp' : 'unixs';
}

function hostAndPort(transport: 'tcp' | 'udp', text: string): Result<ControlAddress> {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? defaultPort);
  if (!host || port > 65_535) return fail(`"${transport}:${text}" is no host:port`);
  return ok({ transport, host, port });
}
