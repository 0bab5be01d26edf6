/** What a request says of who sends it. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Admission, Visitor } from './access.ts';
import { printHttpAddress } from './address.ts';

function isSecure(socket: Duplex): boolean {
  return 'encrypted' in socket && socket.encrypted === true;
}

export function visitorOf(request: IncomingMessage, local: boolean, isSocket = false): Visitor {
  const { method, headers, socket } = request;
  const { authorization, host, origin, cookie } = headers;
  const csrf = headers['x-tandem-csrf'];
  // A page can give neither an EventSource nor a WebSocket a header.
  const token = /^\/events(\?|$)/.test(request.url ?? '') ? queryOf(request).get('token') : null;
  const isRead = method === 'GET' || method === 'HEAD';
  return {
    address: socket.remoteAddress ?? '',
    local,
    secure: isSecure(socket),
    wants: isSocket ? 'socket' : isRead ? 'read' : 'write',
    ...{ authorization, host, origin, cookie },
    csrf: typeof csrf === 'string' ? csrf : undefined,
    token: token ?? undefined,
  };
}

export function mayChange(admission: Admission): boolean {
  return 'role' in admission && admission.role === 'control';
}

/** Of people who logged in, with a sign behind it: `alice@`. */
export function nameOf(admission: Admission): string {
  return 'role' in admission && admission.login ? `${admission.who}@` : '';
}

export function remoteOf({ socket: { remoteAddress = '', remotePort = 0 } }: IncomingMessage): string {
  return printHttpAddress({ host: remoteAddress, port: remotePort });
}

export function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
}
