import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { TestAuthority } from '../helpers/certificates.ts';
import { runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';

const authority = new TestAuthority();
afterAll(() => authority[Symbol.dispose]());

/** `tandem ivr` on UDP and TLS, with its certificate in files. */
async function start() {
  const folder = new TemporaryFolder();
  const put = (name: string, text: string): string => {
    writeFileSync(folder.file(name), text);
    return folder.file(name);
  };
  const issue = (): void => {
    const { cert, key } = authority.issue('IP:127.0.0.1');
    put('cert.pem', cert);
    put('key.pem', key);
  };
  issue();
  const ca = put('ca.pem', authority.ca);
  put('tandem.yaml', 'tls: { cert: cert.pem, key: key.pem }\n');
  const server = await startServer(['ivr', '--listen', 'tls:127.0.0.1:0'], { cwd: folder.path });
  const [, port] = await server.tandem.prints(/"transport":"tls"[^\n]*"port":(\d+)[^\n]*"listening"/);
  return {
    ...server,
    ca,
    put,
    issue,
    port: Number(port),
    uri: `sips:600@127.0.0.1:${port}`,
    async serial(): Promise<string> {
      const socket = connect({ host: '127.0.0.1', port: Number(port), ca: authority.ca });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe('a server over TLS', () => {
  it('is called by `tandem call`, which checks its certificate unless told not to', async () => {
    await using server = await start();
    const args = ['call', server.uri, '--duration', '0.5'];
    const known = await runTandem(args, { env: { TANDEM_TLS_CA: server.ca } });
    expect([known.status, known.stderr]).toEqual([0, '']);
    expect(known.stdout).toContain('answered (PCMU)');
    const strange = await runTandem(args);
    expect([strange.status, strange.stdout]).toEqual([1, expect.not.stringContaining('answered')]);
    expect((await runTandem([...args, '--insecure'])).status).toBe(0);
  });

  it('takes up a new certificate when its files change, and keeps the old one when they are of no use', async () => {
    await using server = await start();
    const before = await server.serial();
    server.issue();
    await server.tandem.prints(/new connections get the certificates as they are now/);
    const after = await server.serial();
    expect(after).not.toBe(before);
    server.put('cert.pem', 'half a file');
    await server.tandem.prints(/the changed certificate is not usable: the old one stays/);
    expect(await server.serial()).toBe(after);
  });

  it('and on SIGHUP, which ends nothing', async () => {
    await using server = await start();
    server.tandem.child.kill('SIGHUP');
    await server.tandem.prints(/new connections get the certificates/);
    expect(await server.serial()).not.toBe('');
  });

  it('does not start without its files', async () => {
    using folder = new TemporaryFolder();
    const env = { TANDEM_TLS_CERT: 'none.pem', TANDEM_TLS_KEY: 'none.pem' };
    const { status, stderr } = await runTandem(['ivr', '--listen', 'tls:127.0.0.1:0'], { cwd: folder.path, env });
    expect([status, stderr]).toEqual([2, expect.stringContaining('tls.cert: cannot read none.pem')]);
  });
});

describe('tandem config', () => {
  it('shows no private key', async () => {
    const { key } = authority.issue('IP:127.0.0.1');
    const { stdout } = await runTandem(['config'], {
      env: { TANDEM_TLS_KEY: key, TANDEM_TLS_NAMES: JSON.stringify({ a: { cert: 'c', key } }) },
    });
    expect(stdout).toContain('"cert":"c"');
    expect(stdout).not.toContain('PRIVATE KEY');
  });
});
