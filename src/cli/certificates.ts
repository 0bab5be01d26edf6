/** The certificates that the configuration names: read from their files, and read again when those change. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError, messageOf, TandemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import type { Tandem, TandemOptions, TlsServerOptions } from '../index.ts';
import { FileWatcher } from './file-watcher.ts';

type TlsConfig = Config['tls'];

/** What listeners with TLS need; undefined when there is no certificate. @throws ConfigError */
export function serverTls({ cert, key, names = {}, ca, clients }: TlsConfig): TlsServerOptions | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new ConfigError('tls.cert and tls.key go together: set both or none');
  const others = Object.entries(names).map(([name, pair]) => [
    name,
    { cert: pem(pair.cert, `tls.names.${name}.cert`), key: pem(pair.key, `tls.names.${name}.key`) },
  ]);
  return {
    cert: pem(cert, 'tls.cert'),
    key: pem(key, 'tls.key'),
    names: Object.fromEntries(others),
    clients,
    ...(ca === undefined ? {} : { ca: pem(ca, 'tls.ca') }),
  };
}

/** What connections of ours need. @throws ConfigError */
export function clientTls({ cert, key, ca, verify }: TlsConfig): NonNullable<TandemOptions['tls']> {
  const certificate = cert && key ? { cert: pem(cert, 'tls.cert'), key: pem(key, 'tls.key') } : undefined;
  return {
    insecure: !verify,
    ...(certificate ? { certificate } : {}),
    ...(ca === undefined ? {} : { ca: pem(ca, 'tls.ca') }),
  };
}

/** Takes new certificates into use when their files change, or by `reload`. */
export class CertificateWatcher {
  #tls: TlsConfig;
  readonly #tandem: Tandem;
  readonly #logger: Logger;
  readonly #watcher = new FileWatcher(() => this.reload());

  constructor(tls: TlsConfig, tandem: Tandem, logger: Logger) {
    this.#tls = tls;
    this.#tandem = tandem;
    this.#logger = logger;
    this.#watcher.add(filesOf(tls));
  }

  /** A certificate that is of no use is logged, and the old one stays. */
  reload(): void {
    try {
      const tls = serverTls(this.#tls);
      if (!tls) return;
      this.#tandem.secure(tls);
      this.#logger.info({}, 'new connections get the certificates as they are now');
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'the changed certificate is not usable: the old one stays');
    }
  }

  /** @throws ConfigError, TandemError ERR_TLS for certificates that cannot be used */
  check(config: TlsConfig): void {
    const tls = serverTls(config);
    if (!tls) return;
    try {
      for (const { cert, key } of [tls, ...Object.values(tls.names ?? {})]) createSecureContext({ cert, key });
    } catch (cause) {
      throw new TandemError('ERR_TLS', `the certificate of tls.cert is not usable: ${messageOf(cause)}`, { cause });
    }
  }

  /** Those of another configuration, which `check` found good. */
  configure(tls: TlsConfig): void {
    this.#tls = tls;
    this.#watcher.add(filesOf(tls));
    this.reload();
  }

  close(): void {
    this.#watcher.close();
  }
}

function filesOf({ cert, key, names = {}, ca }: TlsConfig): string[] {
  const all = [cert, key, ca, ...Object.values(names).flatMap((pair) => [pair.cert, pair.key])];
  return all.filter((value) => value !== undefined && !isPem(value)) as string[];
}

function isPem(value: string): boolean {
  return value.includes('-----BEGIN ');
}

function pem(value: string, setting: string): string {
  if (isPem(value)) return value;
  try {
    return readFileSync(value, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${setting}: cannot read ${value}: ${messageOf(cause)}`, { cause });
  }
}
