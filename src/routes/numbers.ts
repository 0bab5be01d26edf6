/** Texts of a target with what the call puts into them. Pure. */

/** What a text may ask for beside `$0` … `$9`. */
export interface Words {
  readonly groups: readonly string[];
  /** `$caller` */
  readonly caller: string;
  /** `$user`: who has shown to be one; else nothing. */
  readonly user: string | undefined;
}

const word = /\$(\d|caller|user|\$)/g;

/** `$0` is the called number, `$1` what the first brackets took, `$caller` and `$user` who calls; `$$` is a `$`. */
export function filled(text: string, { groups, caller, user = '' }: Words): string {
  return text.replace(word, (_, name: string) => {
    if (name === '$') return '$';
    if (name === 'caller') return caller;
    return name === 'user' ? user : (groups[Number(name)] ?? '');
  });
}

/** As `filled`, in a URI: what somebody dialled is never another host, nor a parameter (RFC 3261 §25.1, `user`). */
export function filledUri(uri: string, { groups, caller, user = '' }: Words): string {
  return filled(uri, { groups: groups.map(escapedUser), caller: escapedUser(caller), user: escapedUser(user) });
}

function escapedUser(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll('%2B', '+');
}

export function hasWords(text: string): boolean {
  return text.replaceAll('$$', '').includes('$');
}

/** A number as a trunk wants it. @param strip digits taken off the front @param add put there then */
export function rewritten(number: string, strip = 0, add = ''): string {
  return add + number.slice(strip);
}
