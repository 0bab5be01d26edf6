/** From what a user asks for to what the SIP endpoint is told: the addresses of an outgoing call. */
import { type Codec, codecsFor, isComfortNoise, isOpus } from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import type { SipListener } from '../sip/endpoint.ts';
import { type HeaderField, type NameAddr, noParams } from '../sip/message.ts';
import { isIpv4, isIpv6, parseUri, printUri } from '../sip/uri.ts';
import {
  codecsLike,
  type InviteOptions,
  type InviteTarget,
  type KnownPlace,
  type OutgoingLeg,
} from './dialog-client-session.ts';
import { passedByDefault, passedHeaders } from './passed-headers.ts';

/**
 * @param target whom to call: `sip:user@host;transport=tcp`, or a place that is known.
 * @param ours the codecs of this Tandem
 * @throws TandemError ERR_ARGUMENT (status 400) for a URI that cannot be called.
 */
export function outgoingLeg(
  target: InviteTarget,
  options: InviteOptions,
  listeners: readonly SipListener[],
  ours: readonly Codec[],
): OutgoingLeg {
  const { uri, route: path = [], through }: KnownPlace = typeof target === 'string' ? { uri: target } : target;
  checkUri(uri, 'the URI to call');
  const { originator, transport, username, password = '', responseTimeout } = options;
  const credentials = options.credentials ?? (username === undefined ? undefined : { username, password });
  const asked = [...(options.proxy === undefined ? [] : [options.proxy]), ...(options.route ?? [])];
  for (const hop of asked) checkUri(hop, 'a proxy or route');
  const from = fromAddress(options, listeners);
  const codecs = options.codecs
    ? named(options.codecs, ours)
    : originator && codecsLike(originator, options.transcode ? ours : []);
  const route = [...asked, ...path];
  const headers = headersOf(options);
  const hops = (options.call ?? originator)?.maxForwards;
  return {
    sip: {
      uri,
      from,
      to: { displayName: undefined, uri, params: noParams },
      ...(transport ? { transport } : {}),
      ...(route.length === 0 ? {} : { route }),
      ...(through ? { through } : {}),
      ...(responseTimeout === undefined ? {} : { responseTimeout }),
      ...(headers.length === 0 ? {} : { headers }),
      ...(credentials ? { credentials } : {}),
      ...(hops === undefined ? {} : { maxForwards: hops }),
    },
    codecs,
    beside: options.call ?? originator,
    options,
  };
}

/** The user's own, what the options say, and what goes on of the caller's INVITE. */
function headersOf(options: InviteOptions): readonly HeaderField[] {
  const {
    headers = [],
    assertedIdentity,
    privacy,
    diversion = [],
    passHeaders = passedByDefault,
    trusted = false,
  } = options;
  const own: HeaderField[] = [...headers];
  if (assertedIdentity !== undefined) own.push(['P-Asserted-Identity', inBrackets(assertedIdentity)]);
  if (privacy !== undefined) own.push(['Privacy', privacy]);
  for (const one of diversion) own.push(['Diversion', inBrackets(one)]);
  const invite = (options.originator ?? options.call)?.inviteRequest;
  return invite ? [...own, ...passedHeaders(invite, passHeaders, trusted, own)] : own;
}

function inBrackets(address: string): string {
  return address.includes('<') ? address : `<${address}>`;
}

const anonymous: NameAddr = { displayName: 'Anonymous', uri: 'sip:anonymous@anonymous.invalid', params: noParams };

function fromAddress(options: InviteOptions, listeners: readonly SipListener[]): NameAddr {
  const caller = options.originator?.identity;
  if (options.privacy !== undefined && options.privacy !== 'none' && options.from === undefined) return anonymous;
  const displayName = options.displayName ?? caller?.displayName;
  if (options.from === undefined && caller) {
    return { displayName, uri: shownUri(caller.uri, options, listeners), params: noParams };
  }
  const from = options.from ?? options.username ?? 'tandem';
  const uri = from.includes(':') ? from : `sip:${encodeURIComponent(from)}@${ownHost(options, listeners)}`;
  checkUri(uri, 'from');
  return { displayName, uri, params: noParams };
}

/**
 * A URI as somebody else may see it: a host that is an address is not who somebody is, but a place in a network, and
 * ours takes its place. A domain is a name, and stays.
 */
export function shownUri(uri: string, options: InviteOptions, listeners: readonly SipListener[]): string {
  const parsed = parseUri(uri);
  if (!parsed.ok || !(isIpv4(parsed.value.host) || isIpv6(parsed.value.host))) return uri;
  const { user } = parsed.value.params;
  const at = parseUri(`sip:${ownHost(options, listeners)}`);
  if (!at.ok) return uri;
  return printUri({ ...parsed.value, host: at.value.host, port: undefined, params: user ? { user } : noParams });
}

function ownHost({ transport }: InviteOptions, listeners: readonly SipListener[]): string {
  const listener = listeners.find((one) => one.transport === (transport ?? 'udp')) ?? listeners[0];
  if (!listener) return 'localhost';
  const { externalHost } = listener;
  return externalHost.includes(':') ? `[${externalHost}]` : externalHost;
}

function checkUri(uri: string, what: string): void {
  const parsed = parseUri(uri);
  if (parsed.ok) return;
  throw new TandemError('ERR_ARGUMENT', `${what} is not a SIP URI: ${JSON.stringify(uri)} (${parsed.error})`, {
    status: 400,
  });
}

function named(names: readonly string[], ours: readonly Codec[]): readonly Codec[] {
  const codecs = codecsFor(names);
  if (!codecs.ok) throw new TandemError('ERR_ARGUMENT', codecs.error);
  if (codecs.value.some(isOpus) && !ours.some(isOpus))
    throw new TandemError('ERR_ARGUMENT', 'a call can only speak opus where media.codecs has it, too');
  return [...codecs.value, ...ours.filter(isComfortNoise)];
}
