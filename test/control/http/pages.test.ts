import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { pageRoutes } from '../../../src/control/http/pages.ts';
import { TemporaryFolder } from '../../helpers/cli.ts';
import { ask, openServer, TestSubject } from './support.ts';

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());
mkdirSync(folder.file('pages/assets'), { recursive: true });
writeFileSync(folder.file('secret.txt'), 'a secret');
writeFileSync(folder.file('pages/index.html'), '<!doctype html><title>console</title>');
writeFileSync(folder.file('pages/phone.html'), '<!doctype html><title>phone</title>');
writeFileSync(folder.file('pages/assets/app-1a2b3c.js'), 'export const answer = 42;\n'.repeat(200));
writeFileSync(folder.file('pages/assets/tone.wav'), 'RIFF');
symlinkSync(folder.file('secret.txt'), folder.file('pages/assets/link.txt'));

const users = { ann: { password: 'pw' } };

async function open(pages = folder.file('pages')) {
  const routes = await pageRoutes(pages, (host) => [`ws://${host}:5066`]);
  return openServer(new TestSubject(), { users, site: { routes, sockets: [], close: () => {} } });
}

describe('pages', () => {
  it('are for everybody, and hold no data', async () => {
    await using server = await open();
    expect((await ask(server.base, '/')).text).toContain('console');
    expect((await ask(server.base, '/phone')).text).toContain('phone');
    expect((await ask(server.base, '/?x=1')).status).toBe(200);
    expect((await ask(server.base, '/metrics')).status).toBe(401);
  });

  it('run nothing but what this server has, and talk to nobody else', async () => {
    await using server = await open();
    const { headers } = await ask(server.base, '/phone');
    const host = server.base.slice('http://'.length);
    expect(String(headers['content-security-policy']).split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      `connect-src 'self' ws://${host} wss://${host} ws://127.0.0.1:5066`,
      "media-src 'self' blob:",
      "worker-src 'self'",
      "manifest-src 'self'",
      "frame-ancestors 'none'",
      "form-action 'self'",
      "base-uri 'none'",
    ]);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
      'cross-origin-opener-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'cache-control': 'no-cache',
    });
  });

  it('a Host that is none does not get into the policy', async () => {
    await using server = await open();
    const { headers } = await ask(server.base, '/', { headers: { host: "x;script-src 'unsafe-inline'" } });
    expect(headers['content-security-policy']).not.toContain('unsafe-inline');
  });

  it('what they are made of is kept by browsers, and sent small', async () => {
    await using server = await open();
    const path = '/assets/app-1a2b3c.js';
    const plain = await fetch(`${server.base}${path}`, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(plain.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    const text = await plain.text();
    const { request } = await import('node:http');
    const raw = (encoding: string): Promise<[string | undefined, Buffer]> =>
      new Promise((resolve) => {
        request(`${server.base}${path}`, { headers: { 'accept-encoding': encoding } }, (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('end', () => resolve([response.headers['content-encoding'], Buffer.concat(pieces)]));
        }).end();
      });
    const [brotli, small] = await raw('gzip, deflate, br');
    expect([brotli, brotliDecompressSync(small).toString()]).toEqual(['br', text]);
    const [gzip, other] = await raw('gzip;q=0.8, br;q=0');
    expect([gzip, gunzipSync(other).toString()]).toEqual(['gzip', text]);
    expect((await raw('gzip;q=0'))[0]).toBeUndefined();
  });

  it('that have not changed are not sent again', async () => {
    await using server = await open();
    const { etag } = (await ask(server.base, '/')).headers;
    const again = await ask(server.base, '/', { headers: { 'if-none-match': String(etag) } });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('the page of the quick reference leads to the softphone', async () => {
    await using server = await open();
    const answer = await ask(server.base, '/index-minimal.html');
    expect([answer.status, answer.headers.location]).toEqual([302, '/phone']);
  });

  it.each([
    '/assets/../secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/%2e%2e/%2e%2e/secret.txt',
    '/assets/..\\..\\secret.txt',
    '/assets//etc/passwd',
    '/assets/%2fetc%2fpasswd',
    '/assets/link.txt',
    '/assets/',
    '/assets/app-1a2b3c.js/',
    '/assets/app-1a2b3c.js%00',
    '/assets/../index.html',
    '/assets/%',
  ])('%s leads nowhere', async (path) => {
    await using server = await open();
    const { status, text } = await ask(server.base, path);
    expect([400, 401, 404]).toContain(status);
    expect(text).not.toContain('secret');
  });

  it('that are not built say how to build them', async () => {
    await using server = await open(folder.file('nothing here'));
    const answer = await ask(server.base, '/');
    expect([answer.status, answer.text]).toEqual([503, 'the pages are not built: npm run build:pages\n']);
    expect((await ask(server.base, '/healthz')).status).toBe(200);
  });
});
