/** Which peers are to be reached where their messages come from, because their Contact does not lead to them. */
import { contactOf } from './dialog-data.ts';
import type { SipRequest } from './message.ts';
import { isIpv4, isIpv6, parseUri, type SipUri } from './uri.ts';

/**
 * Whether the sender of this request is one hop away, and its Contact names the inside of a NAT, a browser
 * (`.invalid`, RFC 7118 §5), an instance (`gr`, RFC 5627) or says by itself to stay on the flow (`ob`, RFC 5626 §4.3).
 */
export function isReachedByFlow(request: SipRequest): boolean {
  const contact = parseUri(contactOf(request.headers) ?? '');
  return contact.ok && request.headers.recordRoute === undefined && leadsNowhere(request, contact.value);
}

/** The same of one Contact among several, as a REGISTER may have. */
export function leadsNowhere({ headers }: SipRequest, contact: SipUri): boolean {
  const [via, ...more] = headers.via;
  if (!via || more.length > 0) return false;
  const { host, params } = contact;
  if ('ob' in params || 'gr' in params || host.endsWith('.invalid')) return true;
  // Its own address as the peer sees it is not the one that we see: there is a NAT between.
  return via.params.received !== undefined && host === via.host && (isIpv4(host) || isIpv6(host));
}
