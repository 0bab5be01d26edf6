/** What a trunk is made with, and what is checked of it. */

import { ConfigError } from '../base/errors.ts';
import { type SrtpMode, srtpModes } from '../session/dialog-media.ts';
import { type Cidr, parseCidr } from '../sip/cidr.ts';
import type { SipTransportName } from '../sip/options.ts';
import { isTransportName, transportNames } from '../sip/transport/kinds.ts';
import { parseUri, printUri, type SipUri } from '../sip/uri.ts';
import type { CallerIdOptions } from './caller-id.ts';

export interface TrunkOptions {
  /** The provider: a host, `host:port` or a SIP URI. A name without port is looked up by NAPTR and SRV. */
  readonly uri: string;
  /** Default: as the URI says, else what a look-up of its host gives. */
  readonly transport?: SipTransportName | undefined;
  /** More of them, to try in this order when the one before cannot take a call. */
  readonly gateways?: readonly string[] | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** An outbound proxy: a SIP URI. */
  readonly proxy?: string | undefined;
  /** Keep `username` registered there. Default false: the provider knows us by our address. */
  readonly register?: boolean | { readonly expires?: number | undefined } | undefined;
  readonly callerId?: CallerIdOptions | undefined;
  /** Seconds between the OPTIONS that each gateway is asked by; 0, the default, asks none. */
  readonly qualify?: number | undefined;
  /** Names in order of preference; default those of `media.codecs`. */
  readonly codecs?: readonly string[] | undefined;
  /** SRTP with the provider; default that of `media.srtp`. */
  readonly srtp?: SrtpMode | undefined;
  /** Offer ICE to the provider. Default false; an offer of it is always taken. */
  readonly ice?: boolean | undefined;
  /** Calls at once, both directions; default as many as you like. */
  readonly maxChannels?: number | undefined;
  /** New calls to the provider; as many may come in a burst. */
  readonly maxCallsPerSecond?: number | undefined;
  /** Who calls from these addresses or ranges calls through this trunk, as does the registrar. */
  readonly trusted?: readonly string[] | undefined;
  /** Whom incoming calls are for: `uri` (default), the user of the `to` header, or always this one. */
  readonly inboundUser?: string | undefined;
  /** Milliseconds after which a gateway that says nothing is given up, for the next or as down; default 4000. */
  readonly responseTimeout?: number | undefined;
  /** What `tandem trunk check` calls. */
  readonly testNumber?: string | undefined;
}

/** The same, read. */
export interface TrunkSettings {
  readonly gateways: readonly SipUri[];
  readonly trusted: readonly Cidr[];
  /** The provider's host, for our addresses there. */
  readonly domain: string;
}

const names = /^[a-z0-9][a-z0-9_-]{0,31}$/i;

/** @throws ConfigError that names the trunk and what is wrong */
export function checkedTrunk(name: string, options: TrunkOptions): TrunkSettings {
  const wrong = (text: string): ConfigError => new ConfigError(`trunk ${name}: ${text}`);
  if (!names.test(name)) throw wrong('a name has letters, digits, - and _, 32 at the most');
  const gateways = [options.uri, ...(options.gateways ?? [])].map((text) => {
    const uri = gatewayUri(text, options.transport);
    if (typeof uri === 'string') throw wrong(uri);
    return uri;
  });
  const trusted = (options.trusted ?? []).map((text) => {
    const cidr = parseCidr(text);
    if (!cidr.ok) throw wrong(cidr.error);
    return cidr.value;
  });
  if (options.register && !options.username) throw wrong('register needs a username');
  if (options.srtp !== undefined && !srtpModes.includes(options.srtp))
    throw wrong(`srtp is one of ${srtpModes.join(', ')}, not ${options.srtp}`);
  if (!((options.qualify ?? 0) >= 0)) throw wrong(`qualify is a number of seconds, not ${options.qualify}`);
  for (const key of ['maxChannels', 'maxCallsPerSecond', 'responseTimeout'] as const) {
    const value = options[key];
    if (value !== undefined && !(value > 0)) throw wrong(`${key} is a number above 0, not ${value}`);
  }
  const { host } = gateways[0] as SipUri;
  return { gateways, trusted, domain: host };
}

/** @returns what is wrong with it, if something is */
function gatewayUri(text: string, transport: SipTransportName | undefined): SipUri | string {
  if (transport !== undefined && !isTransportName(transport))
    return `the transport "${transport}" does not exist: use ${transportNames.join(', ')}`;
  const parsed = parseUri(/^sips?:/i.test(text) ? text : `sip:${text}`);
  if (!parsed.ok) return `"${text}" is neither a host nor a SIP URI: ${parsed.error}`;
  const { user: _, password: __, ...uri } = parsed.value;
  const params = transport === undefined || uri.params.transport ? uri.params : { ...uri.params, transport };
  return { ...uri, user: undefined, params };
}

/** The URI of a number at a gateway. */
export function numberAt(gateway: SipUri, number: string): string {
  return printUri({ ...gateway, user: number });
}
