/** Certificates: whose they are (RFC 5922), and contexts of Node.js made of them. */
import { isIP } from 'node:net';
import {
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type Server,
} from 'node:tls';
import { messageOf, TandemError } from '../../base/errors.ts';
import type { Certificate, TlsClientOptions, TlsServerOptions } from './network.ts';

/** Older versions are broken (RFC 8996). */
export const minVersion = 'TLSv1.2';

/** @throws TandemError ERR_TLS */
export function contextOf({ cert, key }: Certificate, ca: string | undefined, whose: string): SecureContext {
  try {
    return createSecureContext({ cert, key, minVersion, ...(ca === undefined ? {} : { ca }) });
  } catch (cause) {
    throw new TandemError('ERR_TLS', `the certificate ${whose} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/** The contexts of one server, by the names that clients ask for. */
export class ServerContexts {
  readonly #where: string;
  #names = new Map<string, SecureContext>();

  /** @param where the listener, for errors; @throws TandemError ERR_TLS */
  constructor(where: string, options: TlsServerOptions) {
    this.#where = where;
    this.use(options);
  }

  /** For connections to come. @throws TandemError ERR_TLS; nothing has changed then */
  use({ names = {}, ca, ...own }: TlsServerOptions): void {
    contextOf(own, ca, `of ${this.#where}`);
    const entries = Object.entries(names).map(([name, certificate]): [string, SecureContext] => [
      name.toLowerCase(),
      contextOf(certificate, ca, `of ${this.#where} for ${name}`),
    ]);
    this.#names = new Map(entries);
  }

  /** Node's SNICallback; undefined: the certificate of the server itself. `*.example.com` is for one label. */
  find(name: string): SecureContext | undefined {
    const lower = name.toLowerCase();
    return this.#names.get(lower) ?? this.#names.get(lower.replace(/^[^.]+/, '*'));
  }
}

/** What `tls.createServer` and `https.createServer` are told. @throws TandemError ERR_TLS */
export function serverOptions(options: TlsServerOptions, contexts: ServerContexts) {
  const { cert, key, ca, clients = 'none' } = options;
  return {
    cert,
    key,
    minVersion,
    handshakeTimeout: 10_000,
    requestCert: clients !== 'none',
    rejectUnauthorized: clients === 'required',
    SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void): void =>
      done(null, contexts.find(name)),
    ...(ca === undefined ? {} : { ca }),
  } as const;
}

/** A certificate that a client need not show has to be a good one if he does. */
export function refuseStrangers(server: Server): void {
  server.on('secureConnection', (socket) => {
    if (!socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0) socket.destroy();
  });
}

/** What `tls.connect` and WebSocket clients are told. */
export function clientOptions({ name, certificate, ca, insecure = false }: TlsClientOptions) {
  return {
    minVersion,
    rejectUnauthorized: !insecure,
    checkServerIdentity: (_host: string, cert: PeerCertificate) => checkSipIdentity(name, cert),
    // An address is no name to ask for (RFC 6066 §3).
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(certificate ? { cert: certificate.cert, key: certificate.key } : {}),
    ...(ca === undefined ? {} : { ca }),
  } as const;
}

/**
 * RFC 5922 §7: a `sip:` URI among the alternative names stands for its domain; where there is none, the DNS names
 * count, compared as for any other server.
 */
export function checkSipIdentity(name: string, cert: PeerCertificate): Error | undefined {
  const uris = (cert.subjectaltname ?? '')
    .split(', ')
    .flatMap((entry) => /^URI:"?sips?:([^@"]+)"?$/i.exec(entry)?.[1] ?? []);
  if (uris.some((domain) => domain.toLowerCase() === name.toLowerCase())) return undefined;
  return checkServerIdentity(name, cert);
}
