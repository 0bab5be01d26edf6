import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';
import { RawPhone } from '../helpers/raw-phone.ts';

const answers = 'export default async (call) => { await call.answer(); await call.ended; };';

async function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const folder = new TemporaryFolder();
  writeFileSync(folder.file('ivr.ts'), answers);
  writeFileSync(folder.file('token'), 'a-token\n');
  const server = await startServer(['serve', 'ivr.ts', '--log-level', 'info', ...args], { cwd: folder.path, env });
  const [, port] = await server.tandem.prints(/"port":(\d+)[^\n]*"listening for HTTP"/);
  return {
    ...server,
    http: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe('--http', () => {
  it('shows what runs: health, figures, events; and that it drains', async () => {
    await using server = await serve(['--http', '127.0.0.1:0']);
    const { http } = server;
    expect((await fetch(`${http}/readyz`)).status).toBe(200);
    const events = await fetch(`${http}/events?events=call:*,dialog:*`);
    using phone = await RawPhone.open();
    await phone.call(server.port);
    let text = '';
    for await (const chunk of events.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('"call:confirmed"') && text.includes('"dialog:confirmed"')) break;
    }
    const seen = [...text.matchAll(/"event":"([^"]+)"/g)].map(([, name]) => name);
    expect(seen.filter((name) => name?.startsWith('call:'))).toEqual([
      'call:created',
      'call:answered',
      'call:confirmed',
    ]);
    const dialogs = seen.filter((name) => /^dialog:c/.test(name ?? ''));
    expect(dialogs).toEqual(['dialog:created', 'dialog:confirmedNa', 'dialog:confirmed']);
    expect(text).toMatch(/"event":"dialog:confirmed",[^\n]*"dialog":\{"hEntry":\d+,"hId":\d+,"state":4,/);
    const metrics = await (await fetch(`${http}/metrics`)).text();
    expect(metrics).toContain('tandem_calls{state="confirmed",direction="inbound"} 1');
    expect(metrics).toContain('tandem_sip_requests_total{direction="in",method="INVITE"} 1');
    expect(metrics).toContain('tandem_dialogs{state="active"} 1');
    expect(metrics).toMatch(/^tandem_media\{what="legs"\} 1$/m);
    server.tandem.child.kill('SIGTERM');
    await server.tandem.prints(/"draining/);
    const ready = await fetch(`${http}/readyz`);
    expect({ status: ready.status, said: await ready.json() }).toEqual({
      status: 503,
      said: { ready: false, reasons: ['draining'] },
    });
    await phone.bye();
    expect((await server.tandem.result).status).toBe(0);
  });

  it('is open to others with a token', async () => {
    await using server = await serve(['--http', '0.0.0.0:0'], { TANDEM_HTTP_TOKEN_FILE: 'token' });
    expect((await fetch(`${server.http}/healthz`)).status).toBe(200);
    expect((await fetch(`${server.http}/metrics`)).status).toBe(401);
    const headers = { authorization: 'Bearer a-token' };
    expect((await fetch(`${server.http}/metrics`, { headers })).status).toBe(200);
  });

  it('is what changes a port that is taken', async () => {
    using folder = new TemporaryFolder();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const { port } = other.address() as AddressInfo;
      const args = ['ivr', '--http', `127.0.0.1:${port}`, '--listen', 'udp:127.0.0.1:0', '--rtp-ports', '9300-9339'];
      const { status, stderr } = await runTandem([...args, '--log-level', 'silent'], { cwd: folder.path });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: `tandem: 127.0.0.1:${port} for HTTP is in use: choose another with --http\n`,
      });
    } finally {
      other.close();
    }
  });
});
