/** The URL of a database. */
import { ConfigError } from '../base/errors.ts';

export type StoreUrl =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres' | 'mysql'; readonly url: string };

export type DatabaseKind = StoreUrl['kind'];

const kinds: Readonly<Record<string, 'postgres' | 'mysql'>> = {
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
};

/** @throws ConfigError */
export function parseStoreUrl(text: string): StoreUrl {
  const sqlite = /^sqlite:(?:\/\/(?=\/|\.))?(.+)$/s.exec(text);
  if (sqlite?.[1]) return { kind: 'sqlite', path: sqlite[1] };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const kind = url && kinds[url.protocol];
  if (!url || !kind || url.hostname === '' || url.pathname.length < 2)
    throw new ConfigError(
      `${JSON.stringify(maskedUrl(text))} is no database: write sqlite:./data/tandem.db, postgres://user:password@host/name or mysql://user:password@host/name`,
    );
  return { kind, url: text };
}

/** Without the password. */
export function maskedUrl(text: string): string {
  return text.replace(/(\/\/[^/@:]*):[^/]*@/, '$1:…@');
}
