/** How telephone numbers and names of people are shown where they leave this machine. */

/** `masked`: of a user the last three characters; `none`: only the host; `full`: as it is. */
export type NumbersShown = 'full' | 'masked' | 'none';

export const numbersShown: readonly NumbersShown[] = ['full', 'masked', 'none'];

const kept = 3;

/**
 * A SIP or tel URI, or what may be one, as it may be shown; parameters and headers are left out.
 * @param uri `sip:alice@example.com`, `tel:+4930123456`, `"Alice" <sip:…>`
 */
export function shownNumber(uri: string, how: NumbersShown): string {
  if (how === 'full') return uri;
  const [, scheme = 'sip', rest = ''] = /^(?:[^<]*<)?\s*(sips?|tel):([^>]*)/i.exec(uri) ?? [];
  const [address = ''] = rest.split(/[;?]/);
  if (scheme.toLowerCase() === 'tel') return `tel:${shownUser(address, how)}`;
  const at = address.lastIndexOf('@');
  const host = address.slice(at + 1);
  if (at === -1) return rest === '' ? '***' : `${scheme}:${host}`;
  const [user = ''] = address.slice(0, at).split(':');
  return how === 'none' ? `${scheme}:${host}` : `${scheme}:${shownUser(user, how)}@${host}`;
}

/** A number or user name. Of a short one nothing is left: three of four digits would be most of it. */
export function shownUser(user: string, how: NumbersShown): string {
  if (how === 'full') return user;
  return how === 'none' || user.length <= kept + 1 ? '***' : `***${user.slice(-kept)}`;
}
