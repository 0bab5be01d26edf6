/** From what a user asks for to what the SIP endpoint is told: the addresses of an outgoing call. */
import { type Codec, codecsFor } from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import type { SipListener } from '../sip/endpoint.ts';
import { type NameAddr, noParams } from '../sip/message.ts';
import { parseUri } from '../sip/uri.ts';
import {
  codecsLike,
  type InviteOptions,
  type InviteTarget,
  type KnownPlace,
  type OutgoingLeg,
} from './dialog-client-session.ts';

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
  const { originator, headers, transport, username, password, responseTimeout } = options;
  const asked = [...(options.proxy === undefined ? [] : [options.proxy]), ...(options.route ?? [])];
  for (const hop of asked) checkUri(hop, 'a proxy or route');
  const from = fromAddress(options, listeners);
  const codecs = options.codecs
    ? named(options.codecs)
    : originator && codecsLike(originator, options.transcode ? ours : []);
  const route = [...asked, ...path];
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
      ...(headers ? { headers } : {}),
      ...(username === undefined ? {} : { credentials: { username, password: password ?? '' } }),
      ...(hops === undefined ? {} : { maxForwards: hops }),
    },
    codecs,
    beside: options.call ?? originator,
    options,
  };
}

function fromAddress(options: InviteOptions, listeners: readonly SipListener[]): NameAddr {
  const caller = options.originator?.identity;
  const displayName = options.displayName ?? caller?.displayName;
  if (options.from === undefined && caller) return { displayName, uri: caller.uri, params: noParams };
  const from = options.from ?? options.username ?? 'tandem';
  const uri = from.includes(':') ? from : `sip:${encodeURIComponent(from)}@${ownHost(options, listeners)}`;
  checkUri(uri, 'from');
  return { displayName, uri, params: noParams };
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

function named(names: readonly string[]): readonly Codec[] {
  const codecs = codecsFor(names);
  if (!codecs.ok) throw new TandemError('ERR_ARGUMENT', codecs.error);
  return codecs.value;
}
