/** What a registrar's 200 says (RFC 3261 §10.2.4), and where we are seen from (RFC 3581). Pure. */
import { parseDecimal } from '../sip/grammar.ts';
import { headerValues, type NameAddr, type SipResponse } from '../sip/message.ts';
import { parseNameAddrList } from '../sip/name-addr.ts';
import { addressFamily, hostPort } from '../sip/transport/address.ts';
import { parsePort, parseUri, printUri, type SipUri } from '../sip/uri.ts';

export interface Grant {
  /** Seconds; 0: not registered. */
  readonly expires: number;
  /** Routes for requests of ours from now on (RFC 3608). */
  readonly serviceRoute: readonly string[];
  /** What else we are called there (RFC 3455 §4.1). */
  readonly associatedUris: readonly string[];
}

export interface SeenAs {
  /** Numeric. */
  readonly host: string;
  readonly port: number;
}

/** A week: whoever grants more is asked again all the same. */
const maxExpires = 604_800;
/** Of one kind; they go into each request of ours. */
const maxAddresses = 16;

/**
 * @param contact as it was registered
 * @param asked seconds, for a registrar that says nothing of the time
 */
export function readGrant(response: SipResponse, contact: string, asked: number): Grant {
  const { contact: listed } = response.headers;
  const own = Array.isArray(listed) ? ownAmong(listed, contact) : undefined;
  // The time of the Contact comes before that of all of them (§10.2.4).
  const expires = parseDecimal(own?.params.expires ?? '', 10) ?? seconds(response, 'expires') ?? asked;
  return {
    expires: Math.min(expires, maxExpires),
    serviceRoute: addresses(response, 'service-route').filter(isSip),
    associatedUris: addresses(response, 'p-associated-uri'),
  };
}

/** The lower bound of a 423 in seconds (RFC 3261 §20.23). */
export function minExpires(response: SipResponse): number | undefined {
  const value = seconds(response, 'min-expires');
  return value === undefined || value > maxExpires ? undefined : value;
}

/** Where the request came from as the other side saw it, if it says so (RFC 3581 §4). */
export function seenAs({ headers }: SipResponse): SeenAs | undefined {
  const [via] = headers.via;
  const received = via?.params.received?.replace(/^\[(.*)\]$/, '$1');
  const port = parsePort(via?.params.rport ?? '');
  if (!via || port === undefined) return undefined;
  const host = received ?? via.host;
  return addressFamily(host) === 0 ? undefined : { host, port };
}

/** The Contact with the address that we are seen from; undefined when it names it already. */
export function correctedContact(response: SipResponse, contact: string): string | undefined {
  const seen = seenAs(response);
  const uri = parseUri(contact);
  if (!seen || !uri.ok || (uri.value.host === seen.host && portOf(uri.value) === seen.port)) return undefined;
  return printUri({ ...uri.value, ...seen });
}

/** A registrar may keep our address in its own words: the only one there is, is ours. */
function ownAmong(listed: readonly NameAddr[], contact: string): NameAddr | undefined {
  const ours = parseUri(contact);
  const same = (uri: string): boolean => {
    const other = parseUri(uri);
    return ours.ok && other.ok && keyOf(ours.value) === keyOf(other.value);
  };
  return listed.find(({ uri }) => uri === contact || same(uri)) ?? (listed.length === 1 ? listed[0] : undefined);
}

function keyOf(uri: SipUri): string {
  return `${uri.user ?? ''}@${hostPort(uri.host, portOf(uri))} ${uri.params.transport?.toLowerCase() ?? ''}`;
}

function portOf({ scheme, port }: SipUri): number {
  return port ?? (scheme === 'sips' ? 5061 : 5060);
}

function seconds(response: SipResponse, name: string): number | undefined {
  return parseDecimal(headerValues(response, name)[0] ?? '', 10);
}

function addresses(response: SipResponse, name: string): string[] {
  const all = headerValues(response, name).flatMap((value) => {
    const list = parseNameAddrList(value);
    return list.ok ? list.value.map(({ uri }) => uri) : [];
  });
  return all.slice(0, maxAddresses);
}

function isSip(text: string): boolean {
  const uri = parseUri(text);
  return uri.ok && uri.value.scheme !== 'tel';
}
