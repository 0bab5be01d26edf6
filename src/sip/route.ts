/** Through which hops a request goes: Request-URI, Route and the URI of the next hop (RFC 3261 §8.1.2, §12.2.1.1). */
import { type NameAddr, noParams } from './message.ts';
import { parseUri, printUri } from './uri.ts';

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

function routeTo(uri: string): NameAddr {
  return { displayName: undefined, uri, params: noParams };
}
