import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { time } from '../../src/base/der.ts';
import { createNodeRandom } from '../../src/base/node.ts';
import { generateEcKey } from '../../src/base/node-certificate.ts';
import { createSelfSigned, type SelfSignedOptions } from '../../src/base/self-signed.ts';

const make = (options: Partial<SelfSignedOptions> = {}): { cert: string; key: string } =>
  createSelfSigned({
    names: ['localhost', '127.0.0.1', '::1', '*.example.com'],
    commonName: 'Tandem',
    days: 30,
    random: createNodeRandom(),
    now: Date.now(),
    generateKey: generateEcKey,
    ...options,
  });
const folder = mkdtempSync(join(tmpdir(), 'tandem-cert-'));
const { cert, key } = make();

describe('A certificate of our own', () => {
  afterAll(() => rmSync(folder, { recursive: true }));

  it('says what it is good for, and until when', () => {
    const now = Date.UTC(2028, 1, 29, 23, 59, 59);
    const x509 = new X509Certificate(make({ now }).cert);
    expect(x509.subject).toBe('CN=Tandem');
    expect(x509.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:*.example.com',
    );
    expect(x509.validFromDate).toEqual(new Date(now - 86_400_000));
    expect(x509.validToDate).toEqual(new Date(now + 30 * 86_400_000));
    expect(x509.ca).toBe(false);
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(make().cert).not.toBe(cert);
  });

  it('writes addresses however they are given', () => {
    const names = ['2001:DB8::1:0', '::ffff:192.0.2.1', 'fe80::1%eth0', '1:2:3:4:5:6:7:8'];
    expect(new X509Certificate(make({ names }).cert).subjectAltName).toBe(
      'IP Address:2001:DB8:0:0:0:0:1:0, IP Address:0:0:0:0:0:FFFF:C000:201, ' +
        'IP Address:FE80:0:0:0:0:0:0:1, IP Address:1:2:3:4:5:6:7:8',
    );
    expect(new X509Certificate(make({ names: [] }).cert).subjectAltName).toBeUndefined();
  });

  it('refuses names that could not be one', () => {
    for (const name of ['', 'a b', 'a,DNS:b', 'é', '.a']) expect(() => make({ names: [name] })).toThrow(/neither/);
    expect(() => make({ commonName: 'x'.repeat(65) })).toThrow(/64/);
  });

  it('is one for openssl, strictly', () => {
    const file = join(folder, 'cert.pem');
    writeFileSync(file, cert);
    const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
    expect(openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', file, file)).toContain('OK');
    const text = openssl('x509', '-in', file, '-noout', '-text');
    expect(text).toContain('ecdsa-with-SHA256');
    expect(text).toContain('TLS Web Server Authentication');
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
  });

  it('serves TLS to a client that trusts it, under its names alone', async () => {
    await using server = createServer({ cert, key }, (socket) => socket.end('hello'));
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ask = async (servername: string): Promise<string> => {
      const socket = connect({ port, host: '127.0.0.1', ca: cert, servername });
      let heard = '';
      socket.setEncoding('utf8').on('data', (text) => {
        heard += text;
      });
      await once(socket, 'close');
      return heard;
    };
    expect(await ask('localhost')).toBe('hello');
    expect(await ask('sip.example.com')).toBe('hello');
    await expect(ask('example.org')).rejects.toThrow(/altnames/);
  });
});

it('times are those of the calendar', () => {
  const text = (at: number): string => Buffer.from(time(at).subarray(2)).toString();
  for (let at = Date.UTC(1999, 11, 31, 23); at < Date.UTC(2110); at += 86_400_000 * 13 + 3_723_000) {
    const digits = new Date(at).toISOString().replace(/[-:T]|\..*/g, '');
    expect(text(at)).toBe(`${at < Date.UTC(2050) ? digits.slice(2) : digits}Z`);
  }
});
