/** Numeric addresses as SIP needs them. */
import { isIpv4, isIpv6 } from '../uri.ts';

/** 4, 6, or 0 for what is no numeric address. IPv6 without brackets, a zone (`%eth0`) is allowed. */
export function addressFamily(host: string): 4 | 6 | 0 {
  if (!host.includes(':')) return isIpv4(host) ? 4 : 0;
  return isIpv6(withoutZone(host)) ? 6 : 0;
}

/** A zone means something on this machine only and has no place in a message. */
export function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** `host[:port]` with an IPv6 address in brackets. */
export function hostPort(host: string, port: number | undefined): string {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? bracketed : `${bracketed}:${port}`;
}
