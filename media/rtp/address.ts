/** Addresses from SDP are compared with those of datagrams, which the kernel writes in one form only. */

/** An IPv6 address as RFC 5952 writes it; anything else as it is. */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address;
  const url = URL.parse(`http://[${address}]/`);
  return url ? url.hostname.slice(1, -1) : address;
}
