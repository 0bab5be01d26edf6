import { TandemError } from '../../base/errors.ts';
import { hostPort } from './address.ts';
import type { SipTransportName } from './kinds.ts';
import type { Bind } from './network.ts';

/** What a failed bind means to the user: ERR_PORT_IN_USE or ERR_LISTEN. */
export function listenError(
  transport: SipTransportName,
  { host, port }: Bind,
  cause: NodeJS.ErrnoException,
): TandemError {
  const where = `${transport} ${hostPort(host, port)}`;
  const facts = { transport, host, port };
  if (cause.code === 'EADDRINUSE')
    return new TandemError('ERR_PORT_IN_USE', `${where} is in use by another program`, { cause, facts });
  if (cause.code === 'EADDRNOTAVAIL')
    return new TandemError('ERR_LISTEN', `cannot listen on ${where}: this machine has no such address`, {
      cause,
      facts,
    });
  if (cause.code === 'EACCES')
    return new TandemError('ERR_LISTEN', `cannot listen on ${where}: no permission for this port`, { cause, facts });
  return new TandemError('ERR_LISTEN', `cannot listen on ${where}: ${cause.message}`, { cause, facts });
}
