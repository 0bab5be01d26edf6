/** Who a call over a trunk says that it comes from. Pure. */
import { type HeaderField, type NameAddr, noParams } from '../sip/message.ts';
import { printNameAddr } from '../sip/name-addr.ts';
import { parseUri, printUri } from '../sip/uri.ts';

export interface CallerIdOptions {
  /** This number for every call, whoever calls. Default: the caller's own. */
  readonly fixed?: string | undefined;
  /** Taken off the front of the caller's number, if it begins so. */
  readonly strip?: string | undefined;
  /** Put before it. */
  readonly add?: string | undefined;
  /** Default: the caller's. */
  readonly displayName?: string | undefined;
  /**
   * Where the provider looks for it: in From (default), or in P-Asserted-Identity or P-Preferred-Identity
   * (RFC 3325), while From has the account.
   */
  readonly header?: 'from' | 'p-asserted-identity' | 'p-preferred-identity' | undefined;
}

export interface CallerId {
  /** A URI. */
  readonly from: string;
  readonly displayName: string | undefined;
  readonly headers: readonly HeaderField[];
}

const headerNames = { 'p-asserted-identity': 'P-Asserted-Identity', 'p-preferred-identity': 'P-Preferred-Identity' };
const anonymous = 'sip:anonymous@anonymous.invalid';

/**
 * @param caller who calls; undefined: the account itself
 * @param account our user at the provider
 */
export function callerIdOf(
  caller: NameAddr | undefined,
  account: string,
  domain: string,
  options: CallerIdOptions = {},
): CallerId {
  const at = (user: string): string =>
    printUri({ scheme: 'sip', user, host: domain, port: undefined, params: noParams, headers: {} });
  const displayName = options.displayName ?? caller?.displayName;
  if (options.fixed === undefined && caller !== undefined && isAnonymous(caller.uri))
    // RFC 3323 §4.2: what the caller hides stays hidden.
    return { from: anonymous, displayName: 'Anonymous', headers: [['Privacy', 'id']] };
  const number = options.fixed ?? rewritten(userOf(caller) ?? account, options);
  const { header = 'from' } = options;
  if (header === 'from') return { from: at(number), displayName, headers: [] };
  const identity = printNameAddr({ displayName, uri: at(number), params: noParams });
  return { from: at(account), displayName, headers: [[headerNames[header], identity]] };
}

function rewritten(number: string, { strip, add = '' }: CallerIdOptions): string {
  return add + (strip !== undefined && number.startsWith(strip) ? number.slice(strip.length) : number);
}

function userOf(caller: NameAddr | undefined): string | undefined {
  const uri = parseUri(caller?.uri ?? '');
  return uri.ok ? uri.value.user : undefined;
}

function isAnonymous(text: string): boolean {
  const uri = parseUri(text);
  return uri.ok && (uri.value.host === 'anonymous.invalid' || uri.value.user?.toLowerCase() === 'anonymous');
}
