/** Option tags (RFC 3261 §19.2): what a peer supports or requires. */
import { headerValues, type SipMessage } from './message.ts';

export function requires(message: SipMessage, tag: string): boolean {
  return lists(headerValues(message, 'require'), tag);
}

/** What is required is supported as well. */
export function supports(message: SipMessage, tag: string): boolean {
  return lists(headerValues(message, 'supported'), tag) || requires(message, tag);
}

function lists(values: readonly string[], tag: string): boolean {
  return values.some((value) => value.split(',').some((one) => one.trim().toLowerCase() === tag));
}
