/**
 * Where a request goes: its route (RFC 3261 §8.1.2, §12.2.1.1) and the addresses of the next hop. Host names
 * are looked up as A and AAAA records only.
 */
import { messageOf, TandemError } from '../base/errors.ts';
import type { Resolver } from '../base/io.ts';
import type { NameAddr } from './message.ts';
import { noParams } from './message.ts';
import type { SipTransportName } from './options.ts';
import { addressFamily } from './transport/address.ts';
import type { Target } from './transport/transport.ts';
import { parseUri, printUri } from './uri.ts';

const defaultPort = 5060;

/** `error.status`: what the request's user gets as a local response. */
export type Resolution =
  | { readonly ok: true; readonly targets: readonly Target[]; readonly explicit: boolean }
  | { readonly ok: false; readonly error: TandemError };

export interface Routed {
  readonly uri: string;
  readonly route: NameAddr[] | undefined;
  /** The URI that names the next hop. */
  readonly nextHop: string;
}

/** Request-URI and Route of a request through a route set: loose, or strict if the first hop is (no `lr`). */
export function applyRoute(target: string, routeSet: readonly string[]): Routed {
  const [first, ...rest] = routeSet;
  if (first === undefined) return { uri: target, route: undefined, nextHop: target };
  const hop = parseUri(first);
  if (!hop.ok || 'lr' in hop.value.params) return { uri: target, route: routeSet.map(routeTo), nextHop: first };
  // A strict router of RFC 2543 reads the Request-URI; the real target travels as the last Route.
  const { method: _method, ...params } = hop.value.params;
  const uri = printUri({ ...hop.value, params, headers: {} });
  return { uri, route: [...rest, target].map(routeTo), nextHop: uri };
}

/** A URI as a Request-URI may have it: without headers (RFC 3261 §19.1.1). */
export function withoutHeaders(uri: string): string {
  const question = uri.indexOf('?');
  if (question < 0) return uri;
  const parsed = parseUri(uri);
  return parsed.ok ? printUri({ ...parsed.value, headers: {} }) : uri.slice(0, question);
}

/**
 * The addresses to try, in order. Answers at once for a numeric host.
 * @param transport overrides the URI's transport parameter.
 */
export function resolveTarget(
  text: string,
  transport: SipTransportName | undefined,
  resolver: Resolver,
): Resolution | Promise<Resolution> {
  const parsed = parseUri(text);
  if (!parsed.ok) return refuse(416, 'ERR_URI', `cannot call this address: ${parsed.error}`, text);
  const { scheme, host, port = defaultPort, params } = parsed.value;
  if (scheme !== 'sip')
    return refuse(416, 'ERR_URI_SCHEME', `cannot send to a ${scheme} address here: use a sip address`, text);
  const wanted = transport ?? params.transport?.toLowerCase();
  if (wanted !== undefined && wanted !== 'udp' && wanted !== 'tcp')
    return refuse(503, 'ERR_TRANSPORT', `the transport "${wanted}" is not available: use udp or tcp`, text);
  const chosen = wanted ?? 'udp';
  const explicit = wanted !== undefined;
  if (addressFamily(host) !== 0) return { ok: true, targets: [{ transport: chosen, address: host, port }], explicit };
  return lookup(resolver, host).then(
    (addresses) =>
      addresses.length > 0
        ? { ok: true, targets: addresses.map((address) => ({ transport: chosen, address, port })), explicit }
        : refuse(503, 'ERR_RESOLVE', `the host ${host} has no address`, text),
    (cause: unknown) => refuse(503, 'ERR_RESOLVE', `cannot find the host ${host}: ${messageOf(cause)}`, text, cause),
  );
}

async function lookup(resolver: Resolver, host: string): Promise<string[]> {
  const found = await resolver.lookup(host);
  return found.map(({ address }) => address).filter((address) => addressFamily(address) !== 0);
}

function refuse(status: number, code: string, message: string, uri: string, cause?: unknown): Resolution {
  return { ok: false, error: new TandemError(code, message, { status, facts: { uri }, cause }) };
}

function routeTo(uri: string): NameAddr {
  return { displayName: undefined, uri, params: noParams };
}
