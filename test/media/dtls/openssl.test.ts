/** OpenSSL as the peer, over real sockets: the keys that it exports are ours. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DtlsEndpoint, type DtlsEndpointOptions } from '../../../media/dtls/endpoint.ts';
import type { DtlsSrtpProfile } from '../../../media/dtls/handshake.ts';
import { fingerprintOf } from '../../../media/dtls/identity.ts';
import type { DtlsRole } from '../../../media/dtls/types.ts';
import type { SrtpParameters } from '../../../media/srtp/profiles.ts';
import { createNodeRandom } from '../../../src/base/node.ts';
import { identities } from './pair.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-dtls-'));
const openssl = (...args: readonly string[]): void =>
  void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });

beforeAll(() => {
  const cert = (name: string, ...key: readonly string[]): void =>
    openssl(
      'req',
      '-x509',
      '-nodes',
      '-newkey',
      ...key,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      '/CN=x',
    );
  cert('ec', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1');
  cert('rsa', 'rsa:2048');
});
afterAll(() => rmSync(folder, { recursive: true }));

const theirNames: Readonly<Record<DtlsSrtpProfile, string>> = {
  AES_CM_128_HMAC_SHA1_80: 'SRTP_AES128_CM_SHA1_80',
  AES_CM_128_HMAC_SHA1_32: 'SRTP_AES128_CM_SHA1_32',
  AEAD_AES_128_GCM: 'SRTP_AEAD_AES_128_GCM',
  AEAD_AES_256_GCM: 'SRTP_AEAD_AES_256_GCM',
};

/** Bytes of both keys and salts: what is exported. */
const exportedBytes: Readonly<Record<DtlsSrtpProfile, number>> = {
  AES_CM_128_HMAC_SHA1_80: 60,
  AES_CM_128_HMAC_SHA1_32: 60,
  AEAD_AES_128_GCM: 56,
  AEAD_AES_256_GCM: 88,
};

class Peer {
  readonly #process: ChildProcessWithoutNullStreams;
  output = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#process = spawn('openssl', args, { cwd: folder, env: { ...process.env, ...env } });
    const hear = (text: Buffer): void => {
      this.output += text.toString();
    };
    this.#process.stdout.on('data', hear);
    this.#process.stderr.on('data', hear);
  }

  /** The first line like this. Rejects when the peer ends without it. */
  async saw(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.output.match(pattern);
      if (found) return found[1] ?? found[0];
      if (this.#process.exitCode !== null) throw new Error(`openssl ended: ${this.output}`);
      await Promise.race([once(this.#process.stdout, 'data'), once(this.#process, 'close')]);
    }
  }

  /** `Q` says goodbye, `R` wants another handshake. */
  command(letter: 'Q' | 'R'): void {
    this.#process.stdin.write(`${letter}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const closed = once(this.#process, 'close');
    this.#process.kill('SIGKILL');
    await closed;
  }
}

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const socket = await boundSocket();
  const { port } = socket.address() as AddressInfo;
  socket.close();
  await once(socket, 'close');
  return port;
}

/** The material as OpenSSL exports it: both keys, then both salts, the client's first. */
function exported({ profile, local, remote }: SrtpParameters, role: DtlsRole): string {
  const keyBytes = profile === 'AEAD_AES_256_GCM' ? 32 : 16;
  const ours = Buffer.from(local.inline, 'base64');
  const theirs = Buffer.from(remote[0]!.inline, 'base64');
  const [client, server] = role === 'client' ? [ours, theirs] : [theirs, ours];
  const parts = [
    client.subarray(0, keyBytes),
    server.subarray(0, keyBytes),
    client.subarray(keyBytes),
    server.subarray(keyBytes),
  ];
  return Buffer.concat(parts).toString('hex').toUpperCase();
}

interface Meeting {
  /** Undefined: none. */
  readonly cert: 'ec' | 'rsa' | undefined;
  readonly profile: DtlsSrtpProfile;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly options?: Partial<DtlsEndpointOptions>;
  /** Once there are keys. */
  readonly then?: (peer: Peer) => Promise<void>;
}

/** Shakes hands, and then one of the two says goodbye. */
async function meet(
  role: DtlsRole,
  { cert: name, profile, args, env = {}, options, then }: Meeting,
): Promise<{ said: string }> {
  const pem = readFileSync(join(folder, `${name ?? 'ec'}.pem`), 'latin1');
  const cert = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  const socket = await boundSocket();
  const connected = Promise.withResolvers<SrtpParameters>();
  const closed = Promise.withResolvers<void>();
  let theirPort = role === 'client' ? await freePort() : 0;
  const endpoint = new DtlsEndpoint(
    {
      role,
      identity: identities[role],
      fingerprints: [fingerprintOf(cert, 'sha-256')],
      profiles: [profile],
      random: createNodeRandom(),
      clockNow: performance.now(),
      ...options,
    },
    {
      send: (datagram) => socket.send(datagram, theirPort, '127.0.0.1'),
      onConnected: connected.resolve,
      onFailed: connected.reject,
      onClosed: closed.resolve,
    },
  );
  socket.on('message', (datagram, { port }) => {
    theirPort = port;
    endpoint.datagram(datagram, performance.now());
  });
  const timer = setInterval(() => endpoint.tick(performance.now()), 20);
  const own = name ? ['-cert', `${name}.pem`, '-key', `${name}.key`] : [];
  const common = ['-dtls1_2', ...own, '-use_srtp', theirNames[profile], ...args];
  const material = ['-keymatexport', 'EXTRACTOR-dtls_srtp', '-keymatexportlen', `${exportedBytes[profile]}`];
  const address = (port: number): string => `127.0.0.1:${port}`;
  const asServer = ['s_server', '-accept', address(theirPort), '-Verify', '1'];
  const asClient = ['s_client', '-connect', address((socket.address() as AddressInfo).port)];
  await using peer = new Peer([...(role === 'client' ? asServer : asClient), ...common, ...material], env);
  try {
    if (role === 'client') {
      await peer.saw(/ACCEPT/);
      endpoint.start(performance.now());
    }
    const keys = await connected.promise;
    expect(keys.profile).toBe(profile);
    expect(await peer.saw(/Keying material: ([0-9A-F]+)\n/)).toBe(exported(keys, role));
    await then?.(peer);
    if (role === 'server') {
      peer.command('Q');
      await closed.promise;
    } else {
      // This one leaves without a word, but says when we go.
      endpoint.close(performance.now());
      await peer.saw(/^DONE$/m);
    }
    return { said: peer.output };
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

it('As server, without a certificate of OpenSSL’s', async () => {
  const met = meet('server', { cert: undefined, profile: 'AES_CM_128_HMAC_SHA1_80', args: [] });
  await expect(met).rejects.toMatchObject({ code: 'ERR_DTLS_HANDSHAKE', message: 'DTLS: the peer has no certificate' });
});

it('As server, does not renegotiate', async () => {
  const then = async (peer: Peer): Promise<void> => {
    peer.command('R');
    await peer.saw(/no renegotiation/);
  };
  await meet('server', { cert: 'ec', profile: 'AES_CM_128_HMAC_SHA1_80', args: [], then });
});

describe.each(['server', 'client'] as const)('As %s, with OpenSSL', (role) => {
  it.each(Object.keys(theirNames) as DtlsSrtpProfile[])('keys for %s', async (profile) => {
    await meet(role, { cert: 'ec', profile, args: [] });
  });

  it.each([
    ['X25519:P-256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['P-256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['X25519:P-256', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
    ['P-256', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ] as const)('%s, %s', async (group, suite) => {
    const args = ['-groups', group, '-cipher', suite];
    const { said } = await meet(role, { cert: 'ec', profile: 'AES_CM_128_HMAC_SHA1_80', args });
    expect(said).toContain(suite);
  });

  it('takes a certificate with RSA', async () => {
    // A server with such a certificate needs a suite of its own, and a client does not.
    const { said } = await meet(role, { cert: 'rsa', profile: 'AEAD_AES_128_GCM', args: [] });
    expect(said).toContain(role === 'client' ? 'ECDHE-RSA-AES128-GCM-SHA256' : 'ECDHE-ECDSA-AES128-GCM-SHA256');
  });

  it('without an extended master secret', async () => {
    writeFileSync(
      join(folder, 'old.cnf'),
      'openssl_conf = top\n[top]\nssl_conf = ssl\n[ssl]\nsystem_default = old\n[old]\nOptions = -ExtendedMasterSecret\n',
    );
    const env = { OPENSSL_CONF: join(folder, 'old.cnf') };
    const { said } = await meet(role, { cert: 'ec', profile: 'AES_CM_128_HMAC_SHA1_80', args: [], env });
    // OpenSSL's server does not say.
    if (role === 'server') expect(said).toContain('Extended master secret: no');
  });

  it('in small datagrams', async () => {
    const options = { mtu: 256 };
    await meet(role, { cert: 'ec', profile: 'AES_CM_128_HMAC_SHA1_80', args: ['-mtu', '256'], options });
  });
});
