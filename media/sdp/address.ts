/** Which addresses of a `c=` line audio may be sent to. */

/** 4 or 6 for an IP literal, undefined for anything else. No zone identifiers: they mean nothing to a peer. */
export function ipFamily(address: string): 4 | 6 | undefined {
  if (isIpv4(address)) return 4;
  return isIpv6(address) ? 6 : undefined;
}

/** `0.0.0.0` and `::`: hold in the manner of RFC 2543 (RFC 3264 §8.4). */
export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || (address.includes(':') && isIpv6(address) && /^[0:]+$/.test(address));
}

/** Groups and broadcast: one caller must not make us send to many. */
export function isMulticast(address: string): boolean {
  if (isIpv4(address)) return Number(address.slice(0, address.indexOf('.'))) >= 224;
  return isIpv6(address) && /^ff/i.test(address);
}

function isIpv4(text: string): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  return match?.slice(1).every((part) => Number(part) <= 255 && (part === '0' || part[0] !== '0')) ?? false;
}

function isIpv6(text: string): boolean {
  if (text.length > 45 || !text.includes(':')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === '') continue;
    const parts = half.split(':');
    for (const [i, part] of parts.entries()) {
      const last = index === halves.length - 1 && i === parts.length - 1;
      if (last && part.includes('.')) {
        if (!isIpv4(part)) return false;
        groups += 2;
      } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
        groups++;
      } else {
        return false;
      }
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}
