/** Networks in CIDR notation (RFC 4632, RFC 4291 §2.3), and the addresses that are in them. */
import { fail, ok, type Result } from '../base/errors.ts';
import { addressFamily, withoutZone } from './transport/address.ts';

export interface Cidr {
  /** 16 bytes; IPv4 as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2). */
  readonly bytes: Uint8Array;
  /** Of the 128 bits that count. */
  readonly bits: number;
}

const mappedBits = 96;

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone. */
export function parseCidr(text: string): Result<Cidr> {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = addressBytes(address);
  const offset = addressFamily(address) === 4 ? mappedBits : 0;
  if (!bytes || rest.length > 0) return fail(`"${text}" is no network: write 10.0.0.0/8, 2001:db8::/32 or an address`);
  if (length === undefined) return ok({ bytes, bits: 128 });
  const bits = /^\d{1,3}$/.test(length) ? Number(length) + offset : Number.NaN;
  return bits <= 128 ? ok({ bytes, bits }) : fail(`"${text}" has a prefix length that its address does not have`);
}

/** @param address numeric; what is no address is in no network */
export function isInside(networks: readonly Cidr[], address: string): boolean {
  if (networks.length === 0) return false;
  const bytes = addressBytes(address);
  return bytes !== undefined && networks.some((network) => contains(network, bytes));
}

/** 16 bytes of a numeric address, with or without a zone; IPv4 is mapped. */
export function addressBytes(text: string): Uint8Array | undefined {
  const address = withoutZone(text);
  const family = addressFamily(address);
  if (family === 0) return undefined;
  const bytes = new Uint8Array(16);
  if (family === 4) {
    bytes.fill(0xff, 10, 12);
    bytes.set(address.split('.').map(Number), 12);
    return bytes;
  }
  const [head = '', tail = ''] = address.split('::');
  bytes.set(groupBytes(head));
  const end = groupBytes(tail);
  bytes.set(end, 16 - end.length);
  return bytes;
}

function groupBytes(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function contains({ bytes, bits }: Cidr, address: Uint8Array): boolean {
  // All of IPv6 does not mean IPv4, however it is written.
  if (bits < mappedBits && isMapped(address)) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== address[i]) return false;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return ((bytes[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask);
}

/** Is this an IPv4 address in IPv6 (RFC 4291 §2.5.5.2)? */
export function isMapped(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}
