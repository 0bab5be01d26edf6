/** IP addresses as STUN carries them (RFC 8489 §14.1): bytes in the order of the network. */

/** The longest text of one, with an IPv4 address at its end. */
const longest = 45;

/** @returns 4 or 16 bytes; undefined for what is no address (a name, or one with a zone) */
export function ipBytes(text: string): Uint8Array | undefined {
  if (text.length > longest) return undefined;
  if (!text.includes(':')) {
    const bytes = new Uint8Array(4);
    return putIpv4(text, bytes, 0) ? bytes : undefined;
  }
  return ipv6Bytes(text);
}

/** 4 or 6; undefined for what is no address. */
export function ipFamily(text: string): 4 | 6 | undefined {
  const bytes = ipBytes(text);
  return bytes && (bytes.length === 4 ? 4 : 6);
}

/** @param length 4 or 16. @returns as the kernel writes it (RFC 5952) */
export function ipText(bytes: Uint8Array, at: number, length: number): string {
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[at + i]! << 8) | bytes[at + i + 1]!);
  // RFC 5952 §5: an embedded IPv4 address is written as such where the prefix says that it is one.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return `::ffff:${ipText(bytes, at + 12, 4)}`;
  const { start, end } = longestZeros(groups);
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return end - start < 2 ? hex(0, 8) : `${hex(0, start)}::${hex(end, 8)}`;
}

/** The first of the longest runs of zero (RFC 5952 §4.2). */
function longestZeros(groups: readonly number[]): { readonly start: number; readonly end: number } {
  let best = { start: 0, end: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.end - best.start) best = { start, end };
    if (end > start) start = end;
  }
  return best;
}

function putIpv4(text: string, bytes: Uint8Array, at: number): boolean {
  let value = -1;
  let part = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 0x2e;
    if (code === 0x2e) {
      if (value < 0 || part > 3) return false;
      bytes[at + part++] = value;
      value = -1;
      continue;
    }
    // A part that begins with zero may be octal to somebody.
    if (code < 0x30 || code > 0x39 || value === 0) return false;
    value = Math.max(value, 0) * 10 + code - 0x30;
    if (value > 255) return false;
  }
  return part === 4;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupBytes(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupBytes(halves[1]!, true) : [];
  if (!head || !tail) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** @param last whether an IPv4 address may stand at the end. */
function groupBytes(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (last && index === groups.length - 1 && group.includes('.')) {
      const four = new Uint8Array(4);
      if (!putIpv4(group, four, 0)) return undefined;
      bytes.push(...four);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
    if (bytes.length > 16) return undefined;
  }
  return bytes;
}
