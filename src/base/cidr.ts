/** Ranges of IP addresses as people write them: `192.0.2.0/24`, `2001:db8::/32`, or one address. */
import { fail, ok, type Result } from './errors.ts';

export interface Cidr {
  readonly bytes: readonly number[];
  /** Bits that have to be the same. */
  readonly bits: number;
}

export function parseCidr(text: string): Result<Cidr> {
  const slash = text.indexOf('/');
  const bytes = addressBytes(slash < 0 ? text : text.slice(0, slash));
  if (!bytes) return fail(`"${text}" is no address or range: write 192.0.2.0/24 or 2001:db8::/32`);
  const most = bytes.length * 8;
  const length = text.slice(slash + 1);
  const bits = slash < 0 ? most : /^\d{1,3}$/.test(length) ? Number(length) : most + 1;
  if (bits > most) return fail(`"${text}" has a length that is not in 0 to ${most}`);
  return ok({ bytes, bits });
}

/** @param address numeric, as a socket gives it: with a zone, or IPv4 within IPv6 (`::ffff:192.0.2.1`) */
export function contains({ bytes, bits }: Cidr, address: string): boolean {
  const other = addressBytes(address.split('%')[0] as string);
  if (!other || other.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== other[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((bytes[whole] as number) ^ (other[whole] as number)) >> (8 - rest) === 0;
}

/** 4 bytes, also of IPv4 within IPv6, or 16. */
function addressBytes(text: string): number[] | undefined {
  if (!text.includes(':')) return ipv4(text);
  const tail = text.slice(text.lastIndexOf(':') + 1);
  const inner = tail.includes('.') ? ipv4(tail) : undefined;
  if (tail.includes('.') && !inner) return undefined;
  const groups = inner ? `${text.slice(0, -tail.length)}${hex(inner, 0)}:${hex(inner, 2)}` : text;
  const bytes = ipv6(groups);
  const mapped = bytes?.every((byte, index) => index >= 12 || byte === (index < 10 ? 0 : 0xff));
  return mapped ? bytes?.slice(12) : bytes;
}

function ipv4(text: string): number[] | undefined {
  const parts = text.split('.');
  const fits = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
  return fits ? parts.map(Number) : undefined;
}

function ipv6(text: string): number[] | undefined {
  const [head = '', tail, ...more] = text.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const missing = 8 - first.length - last.length;
  if (more.length > 0 || (tail === undefined ? missing !== 0 : missing < 1)) return undefined;
  const all = [...first, ...Array.from({ length: missing }, () => '0'), ...last];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return all.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function hex(bytes: readonly number[], at: number): string {
  return (((bytes[at] as number) << 8) | (bytes[at + 1] as number)).toString(16);
}
