/** Who may send: the direction of a stream (RFC 8866 §6.7) as either side has it. */
import type { Direction, SdpAttribute } from './types.ts';

/** The other side's view: what it may send is what we may receive. */
export function reverse(direction: Direction): Direction {
  if (direction === 'sendonly') return 'recvonly';
  return direction === 'recvonly' ? 'sendonly' : direction;
}

/** What both allow. */
export function intersect(a: Direction, b: Direction): Direction {
  return directionFor(sends(a) && sends(b), receives(a) && receives(b));
}

export const sends = (d: Direction): boolean => d === 'sendrecv' || d === 'sendonly';
const receives = (d: Direction): boolean => d === 'sendrecv' || d === 'recvonly';

export function directionFor(send: boolean, receive: boolean): Direction {
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

export function directionOf(attributes: readonly SdpAttribute[]): Direction | undefined {
  for (const { name } of attributes) {
    if (name === 'sendrecv' || name === 'sendonly' || name === 'recvonly' || name === 'inactive') return name;
  }
  return undefined;
}
