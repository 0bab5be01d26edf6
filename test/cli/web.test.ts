import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { keptCertificate } from '../../src/cli/web.ts';
import { ask } from '../control/http/support.ts';
import { runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';

/** `tandem ivr --tls` on a free port, with what it has printed. */
async function start(folder: TemporaryFolder, settings: object = {}) {
  const config = { http: { tls: true, tlsListen: '0.0.0.0:0' }, ...settings };
  writeFileSync(folder.file('tandem.yaml'), JSON.stringify(config));
  const args = ['ivr', '--http', '127.0.0.1:0', '--log-level', 'info', '--store', 'none', '--recovery', 'none'];
  const server = await startServer(args, { cwd: folder.path });
  const [, port] = await server.tandem.prints(/"transport":"wss"[^\n]*"port":(\d+)[^\n]*"listening"/);
  const [, http] = await server.tandem.prints(/^softphone (http:\S+)\/phone$/m);
  return { ...server, https: `https://127.0.0.1:${port}`, http: String(http), tlsPort: Number(port) };
}

async function outcome(url: string, protocol: string | undefined, headers = {}): Promise<string> {
  const socket = new WebSocket(url, protocol === undefined ? [] : [protocol], { rejectUnauthorized: false, headers });
  const result = await new Promise<string>((resolve) => {
    socket.on('open', () => resolve(`open ${socket.protocol}`.trim()));
    socket.on('error', ({ message }) => resolve(message.replace(/^.*: /, '')));
  });
  socket.terminate();
  return result;
}

async function serialOf(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

describe('--tls', () => {
  it('serves HTTPS and SIP over wss on one port, and prints where the pages are', async () => {
    using folder = new TemporaryFolder();
    await using server = await start(folder);
    const { https } = server;
    await server.tandem.prints(
      new RegExp(`^console ${server.http}/\nsoftphone ${server.http}/phone\nconsole https://\\S+/\nsoftphone `, 'm'),
    );
    expect((await ask(https, '/healthz')).text).toBe('{"alive":true}');
    expect((await ask(https, '/index-minimal.html')).headers.location).toBe('/phone');
    expect(JSON.parse((await ask(https, '/phone/config')).text).servers).toEqual([
      `wss://127.0.0.1:${server.tlsPort}/ws`,
    ]);
    const wss = https.replace('https', 'wss');
    expect(await outcome(`${wss}/ws`, 'sip')).toBe('open sip');
    expect(await outcome(`${wss}/ws`, 'sip', { origin: https })).toBe('open sip');
    expect(await outcome(`${wss}/ws`, 'sip', { origin: 'https://evil.example.com' })).toBe('403');
    await server.tandem.prints(/"origin":"https:\/\/evil\.example\.com"[^\n]*may not connect/);
    expect(await outcome(`${wss}/console/stream`, undefined)).toBe('401');
    expect(await outcome(`${wss}/ws`, undefined)).toBe('401');
  });

  it('asks strangers for a token that is made once; who is on the machine needs none by HTTP', async () => {
    using folder = new TemporaryFolder();
    await using server = await start(folder);
    const { https, http } = server;
    const [, token = ''] = await server.tandem.prints(/^console token (\S+) /m);
    expect((await ask(https, '/metrics')).status).toBe(401);
    expect((await ask(http, '/metrics')).status).toBe(200);
    const authorization = `Bearer ${token}`;
    expect((await ask(https, '/metrics', { headers: { authorization } })).status).toBe(200);
    const body = JSON.stringify({ token });
    const login = await ask(https, '/console/login', { method: 'POST', body });
    expect(login.headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict; Secure$/);
    const cookie = String(login.headers['set-cookie']?.[0]?.split(';')[0]);
    const stream = `${https.replace('https', 'wss')}/console/stream`;
    expect(await outcome(stream, undefined, { cookie, origin: https })).toBe('open');
    expect(await outcome(stream, undefined, { cookie })).toBe('403');
    expect(await outcome(stream, undefined, { cookie, origin: 'https://evil.example.com' })).toBe('403');
    expect(statSync(folder.file('data/tls/console-token')).mode & 0o777).toBe(0o600);
  });

  it('without TLS a token is made where that is asked for, as in the image', async () => {
    using folder = new TemporaryFolder();
    const env = { TANDEM_HTTP_MAKE_TOKEN: 'true' };
    const args = ['ivr', '--http', '0.0.0.0:0', '--log-level', 'info', '--store', 'none', '--recovery', 'none'];
    await using server = await startServer(args, { cwd: folder.path, env });
    const [, token = ''] = await server.tandem.prints(/^console token (\S+) /m);
    const [, port] = await server.tandem.prints(/^softphone http:\S+:(\d+)\/phone$/m);
    const http = `http://127.0.0.1:${port}`;
    expect((await ask(http, '/metrics')).status).toBe(401);
    expect((await ask(http, '/metrics', { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    using other = new TemporaryFolder();
    const refused = await runTandem(['ivr', '--http', '0.0.0.0:0', '--rtp-ports', '9500-9539'], { cwd: other.path });
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('http.token')]);
  });

  it('SIP by WebSocket comes in at /ws of the HTTP port as well, as behind a proxy', async () => {
    using folder = new TemporaryFolder();
    const args = ['ivr', '--http', '127.0.0.1:0', '--log-level', 'info', '--store', 'none', '--recovery', 'none'];
    await using server = await startServer([...args, '--listen', 'ws:127.0.0.1:0'], { cwd: folder.path });
    const [, http = ''] = await server.tandem.prints(/^softphone (http:\S+)\/phone$/m);
    await server.tandem.prints(/"listening for HTTP"/);
    const ws = http.replace('http', 'ws');
    expect(await outcome(`${ws}/ws`, 'sip')).toBe('open sip');
    expect(await outcome(`${ws}/ws`, 'sip', { origin: http })).toBe('open sip');
    expect(await outcome(`${ws}/ws`, 'sip', { origin: 'https://evil.example.com' })).toBe('403');
    expect(await outcome(`${ws}/ws`, 'chat')).toBe('400');
    expect(await outcome(`${ws}/other`, 'sip')).toBe('404');
    const socket = new WebSocket(`${ws}/ws`, 'sip');
    await once(socket, 'open');
    const lines = ['OPTIONS sip:127.0.0.1 SIP/2.0', 'Via: SIP/2.0/WS x.invalid;branch=z9hG4bK1', 'Max-Forwards: 70'];
    lines.push('From: <sip:a@x.invalid>;tag=1', 'To: <sip:127.0.0.1>', 'Call-ID: 1', 'CSeq: 1 OPTIONS');
    socket.send(`${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`);
    const [answer] = await once(socket, 'message');
    expect(String(answer)).toMatch(/^SIP\/2\.0 200 /);
    socket.terminate();
  });

  it('keeps the certificate that it made for the next start', async () => {
    using folder = new TemporaryFolder();
    let serial = '';
    {
      await using server = await start(folder);
      serial = await serialOf(server.tlsPort);
      await server.tandem.stop();
    }
    await using again = await start(folder);
    expect(await serialOf(again.tlsPort)).toBe(serial);
    expect(again.tandem.printed).not.toContain('console token');
    expect(statSync(folder.file('data/tls/self-signed.key')).mode & 0o777).toBe(0o600);
  });

  it('users who are named are who may come, and no token is made', async () => {
    using folder = new TemporaryFolder();
    const http = { tls: true, tlsListen: '127.0.0.1:0', users: { ann: { password: 'pw', role: 'control' } } };
    await using server = await start(folder, { http });
    expect(server.tandem.printed).not.toContain('console token');
    expect(existsSync(folder.file('data/tls/console-token'))).toBe(false);
    expect((await ask(server.http, '/metrics')).status).toBe(401);
    const body = JSON.stringify({ user: 'ann', password: 'pw' });
    const login = await ask(server.http, '/console/login', { method: 'POST', body });
    expect(JSON.parse(login.text)).toMatchObject({ role: 'control', user: 'ann' });
    await server.tandem.prints(/"user":"ann"[^\n]*"logged in"/);
  });
});

describe('a certificate of our own', () => {
  it('is kept; what cannot be read is not overwritten', () => {
    using folder = new TemporaryFolder();
    const first = keptCertificate(folder.path, 'pbx.example.com');
    expect(keptCertificate(folder.path, undefined)).toEqual(first);
    writeFileSync(folder.file('self-signed.crt'), 'nonsense');
    expect(() => keptCertificate(folder.path, undefined)).toThrow(/http\.tlsFolder/);
    expect(readFileSync(folder.file('self-signed.key'), 'utf8')).toBe(first.key);
  });
});
