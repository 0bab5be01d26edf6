/** Which pages may connect: a browser lets any page do it, and tells of which origin it is (RFC 6455 §10.2). */
import { isIP } from 'node:net';

/**
 * @param origins as `https://example.com`; `own`: pages of this server, and programs that are no browser; `*`: all.
 * Undefined: all
 * @param host of the Host header
 * @param secure the connection has TLS
 */
export function mayConnect(
  origins: readonly string[] | undefined,
  origin: string | undefined,
  host: string | undefined,
  secure: boolean,
): boolean {
  if (!origins || origins.includes('*')) return true;
  if (origin !== undefined && origins.includes(origin)) return true;
  return origins.includes('own') && (origin === undefined || isOwn(origin, host, secure));
}

/** The same host, whatever the port: pages come by another one than SIP does. */
function isOwn(origin: string, host: string | undefined, secure: boolean): boolean {
  const page = URL.parse(origin);
  const own = host === undefined ? null : URL.parse(`http://${host}`);
  if (!page || !own || !/^https?:$/.test(page.protocol) || page.hostname !== own.hostname) return false;
  // Anybody's page may have a name that leads here; with TLS it has no certificate for it.
  return secure || own.hostname === 'localhost' || isIP(own.hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
}
