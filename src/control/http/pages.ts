/**
 * The pages that a browser shows: files of one folder, read once, so that no request names a file. They hold no data of
 * ours, and anybody may have them.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { hostName } from './access.ts';
import type { SiteReply, SiteRequest, SiteRoute } from './site.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wav': 'audio/wav',
  '.mp3': 'audio/mpeg',
  '.webmanifest': 'application/manifest+json',
};
const compressible = /^(text\/|application\/(json|manifest)|image\/svg)/;
const pages: Readonly<Record<string, string>> = { '/': 'index.html', '/phone': 'phone.html' };
const noPages = { status: 503, body: 'the pages are not built: npm run build:pages\n', headers: plainText() } as const;

class Page {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Uint8Array;
  readonly #smaller = new Map<string, Promise<Uint8Array>>();

  constructor(name: string, bytes: Uint8Array) {
    this.type = types[extname(name)] ?? 'application/octet-stream';
    this.bytes = bytes;
    this.etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  }

  /** Compressed once, when it is first asked for, in a thread of its own. */
  async encoded(accepted: string): Promise<{ readonly encoding?: string; readonly bytes: Uint8Array }> {
    const encoding = compressible.test(this.type) ? encodings.find((one) => accepts(accepted, one)) : undefined;
    if (encoding === undefined) return { bytes: this.bytes };
    const smaller = this.#smaller.get(encoding) ?? compressors[encoding](this.bytes);
    this.#smaller.set(encoding, smaller);
    return { encoding, bytes: await smaller };
  }
}

const encodings = ['br', 'gzip'] as const;
const compressors = {
  br: (bytes: Uint8Array): Promise<Uint8Array> =>
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (bytes: Uint8Array): Promise<Uint8Array> => promisify(gzip)(bytes, { level: 9 }),
} as const;

function accepts(header: string, encoding: string): boolean {
  return header.split(',').some((one) => {
    const [name = '', ...params] = one.split(';').map((part) => part.trim().toLowerCase());
    return name === encoding && !params.some((param) => /^q=0(\.0*)?$/.test(param));
  });
}

/**
 * @param folder what `npm run build:pages` makes; without it the pages answer how to make it
 * @param connects more sources that a page may connect to, for the host that it was asked of
 */
export async function pageRoutes(
  folder: string,
  connects: (host: string, secure: boolean) => readonly string[],
): Promise<readonly SiteRoute[]> {
  const files = await readAll(folder);
  const get = (path: string, answer: SiteRoute['answer']): SiteRoute => ({ method: 'GET', path, open: true, answer });
  const page = (name: string) => (request: SiteRequest) => {
    const found = files.get(name);
    if (!found) return noPages;
    const headers = { 'cache-control': 'no-cache', ...pageHeaders(request, connects) };
    return replyWith(found, request, headers);
  };
  return [
    ...Object.entries(pages).map(([path, name]) => get(path, page(name))),
    get('/index-minimal.html', () => ({ status: 302, headers: { location: '/phone' } })),
    get('/favicon.ico', (request) => {
      const found = files.get('favicon.ico') ?? files.get('favicon.svg');
      return found ? replyWith(found, request, { 'cache-control': 'no-cache' }) : { status: 404 };
    }),
    get('/assets/*', (request) => {
      const found = files.get(request.path.slice(1));
      if (!found) return { status: 404, body: { error: 'there is nothing here' } };
      // Their names have a hash of what they are.
      return replyWith(found, request, { 'cache-control': 'public, max-age=31536000, immutable' });
    }),
  ];
}

async function replyWith(
  page: Page,
  { headers }: SiteRequest,
  more: Readonly<Record<string, string>>,
): Promise<SiteReply> {
  const common = { etag: page.etag, vary: 'accept-encoding', ...more };
  if (headers['if-none-match'] === page.etag) return { status: 304, headers: common };
  const { encoding, bytes } = await page.encoded(String(headers['accept-encoding'] ?? ''));
  return {
    headers: { ...common, 'content-type': page.type, ...(encoding ? { 'content-encoding': encoding } : {}) },
    body: bytes,
  };
}

function pageHeaders(
  { headers: { host }, secure }: SiteRequest,
  connects: (host: string, secure: boolean) => readonly string[],
): Readonly<Record<string, string>> {
  // It becomes part of a header: nothing but a name or an address.
  const name = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.test(host ?? '') ? (host ?? '') : undefined;
  const own = name === undefined ? [] : [`ws://${name}`, `wss://${name}`, ...connects(hostName(name), secure)];
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src ${["'self'", ...new Set(own)].join(' ')}`,
    "media-src 'self' blob:",
    "worker-src 'self'",
    "manifest-src 'self'",
    "frame-ancestors 'none'",
    "form-action 'self'",
    "base-uri 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'referrer-policy': 'no-referrer',
    'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-frame-options': 'DENY',
  };
}

function plainText(): Readonly<Record<string, string>> {
  return { 'content-type': 'text/plain; charset=utf-8' };
}

/** By path from the folder, with `/`; nothing when there is no folder. */
async function readAll(folder: string): Promise<ReadonlyMap<string, Page>> {
  const found = new Map<string, Page>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = posix.normalize(path.slice(folder.length).replaceAll('\\', '/')).replace(/^\/+/, '');
    found.set(name, new Page(name, await readFile(path)));
  }
  return found;
}
