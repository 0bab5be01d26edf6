/** What people type and what is shown of SIP addresses. Pure. */

/** A number with what people write between its digits: `+49 (30) 123-45`. */
const number = /^\+?[\d\s()./-]+$/;
/** User parts that need no escape (RFC 3261 §25.1), and `#`, which phones have on their keys. */
const user = /^[\w\-.!~*'()&=+$,;?/#]+$/;
const host = /^(?:[\w-]+(?:\.[\w-]+)*|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * The address to call for what somebody typed: `1003`, `+49 30 12`, `anna@example.com`, `sip:anna@example.com`.
 * @returns undefined for what is no address
 */
export function addressOf(typed: string, domain: string): string | undefined {
  const text = typed.trim();
  if (text === '') return undefined;
  const bare = text.replace(/^sips?:/i, '');
  const at = bare.lastIndexOf('@');
  if (at < 0) {
    const name = number.test(bare) ? bare.replace(/[\s()./-]/g, '') : bare;
    return user.test(name) ? `sip:${escaped(name)}@${domain}` : undefined;
  }
  const [name, where] = [bare.slice(0, at), bare.slice(at + 1)];
  return user.test(name) && host.test(where) ? `sip:${escaped(name)}@${where}` : undefined;
}

function escaped(name: string): string {
  return name.replaceAll('#', '%23');
}

/** `5001` of `sip:5001@own.domain`; with its host where that is another's. */
export function shown(address: string, domain: string): string {
  const bare = address.replace(/^sips?:/i, '').replace(/[;?>].*$/, '');
  const at = bare.lastIndexOf('@');
  if (at < 0) return bare;
  const name = decoded(bare.slice(0, at));
  return hostOf(bare.slice(at + 1)) === hostOf(domain) ? name : `${name}@${bare.slice(at + 1)}`;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function hostOf(where: string): string {
  return where.replace(/:\d+$/, '').toLowerCase();
}
