/** The browser's side of a server: HTTPS beside SIP over wss, its certificate and its token, and where the pages are. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { ConfigError, messageOf } from '../base/errors.ts';
import { createNodeRandom } from '../base/node.ts';
import { generateEcKey } from '../base/node-certificate.ts';
import { type CertificateAndKey, createSelfSigned } from '../base/self-signed.ts';
import type { Config } from '../config/schema.ts';
import { type HttpAddress, parseHttpAddress, printHttpAddress } from '../control/http/address.ts';
import { HttpDoor } from '../control/http/door.ts';
import { isLoopback } from '../control/loopback.ts';
import type { SipListener, TlsServerOptions, TransportOptions } from '../index.ts';

const days = 825;
/** A certificate is made anew when fewer are left. */
const daysLeft = 30;
const dayMs = 86_400_000;
const tokenBytes = 24;

export interface WebPort {
  readonly door: HttpDoor;
  readonly transport: TransportOptions;
}

/**
 * The port of HTTPS and SIP over wss; undefined without `http.tls`.
 * @param tls what listeners with TLS have
 * @param origins pages that may connect now; undefined: all
 * @throws ConfigError
 */
export function webPort(
  config: Config,
  tls: TlsServerOptions | undefined,
  origins: () => readonly string[] | undefined,
): WebPort | undefined {
  const { http, externalHost, mediaExternalIp } = config;
  if (!http.tls) return undefined;
  if (http.listen === 'none') throw new ConfigError('http.tls needs http.listen: it serves the same');
  if (!tls) throw new ConfigError('http.tls needs a certificate');
  const { host, port } = parseHttpAddress(http.tlsListen);
  const door = new HttpDoor(isLoopback(host));
  return {
    door,
    transport: {
      transport: 'wss',
      bindHost: host === 'localhost' ? '127.0.0.1' : host,
      bindPort: port,
      // Browsers have no certificate that a trunk's listener may ask for.
      tls: { ...tls, clients: 'none' },
      http: door,
      origins,
      ...(externalHost === undefined ? {} : { externalHost }),
      ...(mediaExternalIp === undefined ? {} : { mediaExternalIp }),
    },
  };
}

/**
 * What who comes from elsewhere has to show where nobody has said who may come: made at the first start.
 * @returns undefined where it is not needed
 * @throws ConfigError
 */
export function strangersToken({ http }: Config): string | undefined {
  if (http.listen === 'none' || http.token !== undefined || Object.keys(http.users).length > 0) return undefined;
  const isOpen = (listen: string): boolean => !isLoopback(parseHttpAddress(listen).host);
  const isNeeded = (http.tls && isOpen(http.tlsListen)) || (http.makeToken && isOpen(http.listen));
  return isNeeded ? keptToken(http.tlsFolder) : undefined;
}

export type Entrance = NonNullable<TransportOptions['entrance']>;

/** The first listener for `ws` takes what comes to the port of HTTP: one port is enough behind a proxy. */
export function withEntrance(transports: readonly TransportOptions[], entrance: Entrance): readonly TransportOptions[] {
  const taking = transports.findIndex(({ transport }) => transport === 'ws');
  return transports.map((one, index) => (index === taking ? { ...one, entrance } : one));
}

/** Made at the first start and kept, so that a browser that has accepted it once need not ask again. @throws ConfigError */
export function keptCertificate(folder: string, externalHost: string | undefined): CertificateAndKey {
  const [certFile, keyFile] = [join(folder, 'self-signed.crt'), join(folder, 'self-signed.key')];
  try {
    if (existsSync(certFile) && existsSync(keyFile)) {
      const kept = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
      if (Date.parse(new X509Certificate(kept.cert).validTo) > Date.now() + daysLeft * dayMs) return kept;
    }
    const name = externalHost ?? hostname();
    const made = createSelfSigned({
      names: [...new Set([name, hostname(), 'localhost', '127.0.0.1', '::1', ...localAddresses()])],
      commonName: name.slice(0, 64),
      days,
      random: createNodeRandom(),
      now: Date.now(),
      generateKey: generateEcKey,
    });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(keyFile, made.key, { mode: 0o600 });
    writeFileSync(certFile, made.cert);
    return made;
  } catch (cause) {
    throw new ConfigError(`no certificate can be kept in ${folder} (http.tlsFolder): ${messageOf(cause)}`, { cause });
  }
}

/** Printed once, when it is made. @throws ConfigError */
function keptToken(folder: string): string {
  const file = join(folder, 'console-token');
  try {
    if (existsSync(file)) {
      const kept = readFileSync(file, 'utf8').trim();
      if (/^[!-~]{16,}$/.test(kept)) return kept;
    }
    const made = randomBytes(tokenBytes).toString('base64url');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(file, `${made}\n`, { mode: 0o600 });
    process.stdout.write(`console token ${made} (kept in ${file}; better http.users or http.token)\n`);
    return made;
  } catch (cause) {
    throw new ConfigError(`no token can be kept in ${folder} (http.tlsFolder): ${messageOf(cause)}`, { cause });
  }
}

/** Where a browser finds the pages, in lines for people. */
export function printAddresses(http: HttpAddress, https: SipListener | undefined): void {
  const bases = [`http://${printHttpAddress(reachable(http))}`];
  if (https) bases.push(`https://${printHttpAddress(reachable({ host: https.externalHost, port: https.port }))}`);
  process.stdout.write(bases.map((base) => `console ${base}/\nsoftphone ${base}/phone\n`).join(''));
}

function reachable({ host, port }: HttpAddress): HttpAddress {
  const isWild = host === '0.0.0.0' || host === '::';
  return { host: isWild ? (localAddresses()[0] ?? 'localhost') : host, port };
}

/** IPv4 first; none of loopback or link-local. */
function localAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  const open = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const family = (wanted: string): string[] => open.filter((one) => one.family === wanted).map((one) => one.address);
  return [...family('IPv4'), ...family('IPv6')];
}
