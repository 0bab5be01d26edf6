/** What a socket that cannot be bound is told as, whoever tried. */
import { TandemError } from '../../src/base/errors.ts';

/** @param errno as the system names it: `EADDRINUSE` */
export function bindError(
  address: string,
  port: number,
  errno: string | undefined,
  message: string,
  cause?: unknown,
): TandemError {
  const options = { ...(cause === undefined ? {} : { cause }), facts: { address, port, errno } };
  if (errno === 'EADDRINUSE')
    return new TandemError('ERR_PORT_IN_USE', `UDP port ${port} on ${address} is in use`, options);
  return new TandemError('ERR_BIND', `cannot bind UDP ${address} port ${port}: ${message}`, options);
}
