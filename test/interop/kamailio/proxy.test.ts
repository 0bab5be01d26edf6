/** Kamailio between caller and callee, with Record-Route: all that follows in the call goes through it. */
import { writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority } from '../../helpers/certificates.ts';
import { type Folder, temporaryFolder } from '../support/folder.ts';
import { Kamailio } from '../support/kamailio.ts';
import { expectNoPrograms } from '../support/process.ts';
import { TandemServer, tandem } from '../support/tandem.ts';

let authority: TestAuthority;
let folder: Folder;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  authority = new TestAuthority();
  folder = await temporaryFolder();
  const own = authority.issue('IP:127.0.0.1');
  for (const [name, text] of Object.entries({ cert: own.cert, key: own.key, ca: authority.ca }))
    await writeFile(folder.file(`${name}.pem`), text);
  environment = {
    TANDEM_TLS_CERT: folder.file('cert.pem'),
    TANDEM_TLS_KEY: folder.file('key.pem'),
    TANDEM_TLS_CA: folder.file('ca.pem'),
  };
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

afterEach(expectNoPrograms);

/** The ready-made server behind a Kamailio. @param towards how Kamailio reaches it */
async function behindProxy(towards: 'udp' | 'tcp' | 'tls'): Promise<{
  readonly server: TandemServer;
  readonly proxy: Kamailio;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  await using opened = new AsyncDisposableStack();
  const server = opened.use(
    await TandemServer.start(['ivr'], { listen: [`${towards}:127.0.0.1:0`], env: environment }),
  );
  const proxy = opened.use(
    await Kamailio.start({
      target: `sip:127.0.0.1:${server.portOf(towards)};transport=${towards}`,
      tls: authority.issue('IP:127.0.0.1'),
    }),
  );
  const all = opened.move();
  return { server, proxy, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

describe('behind a proxy that records its route', () => {
  it.each([
    ['tcp', 'tcp'],
    ['tcp', 'udp'],
    ['tls', 'tls'],
    ['tls', 'tcp'],
  ] as const)('a call by %s, passed on by %s, is hung up by the caller', async (from, towards) => {
    await using house = await behindProxy(towards);
    const { server, proxy } = house;
    const port = from === 'tls' ? proxy.tlsPort : proxy.port;
    const via = ['--proxy', `sip:127.0.0.1:${port};transport=${from}`];
    const call = await tandem(['call', 'sip:600@127.0.0.1', ...via, '--duration', '1'], { env: environment });
    expect(call.stderr).toBe('');
    expect(call.code).toBe(0);
    await proxy.sees(`BYE ${from}`);
    expect(proxy.passed).toEqual([`INVITE ${from}`, `ACK ${from}`, `BYE ${from}`]);
    await server.expectIdle();
    await server.stop();
  });

  it.each([
    ['tcp', 'tcp'],
    ['tls', 'tls'],
  ] as const)('a call by %s is hung up by the server, which came by %s', async (from, towards) => {
    await using house = await behindProxy(towards);
    const { server, proxy } = house;
    const port = from === 'tls' ? proxy.tlsPort : proxy.port;
    const via = ['--proxy', `sip:127.0.0.1:${port};transport=${from}`];
    // # ends the menu: goodbye, and the server hangs up.
    const call = await tandem(['call', 'sip:1000@127.0.0.1', ...via, '--dtmf', '#'], { env: environment });
    expect([call.code, call.stderr]).toEqual([0, '']);
    expect(proxy.passed).toEqual([`INVITE ${from}`, `ACK ${from}`, `BYE ${towards}`]);
    await server.expectIdle();
    await server.stop();
  });

  it('a proxy that gives up for want of hops is a refusal of the call', async () => {
    await using house = await behindProxy('tcp');
    const { server, proxy } = house;
    server.program.kill('SIGTERM');
    await server.program.ended();
    const via = ['--proxy', `sip:127.0.0.1:${proxy.port};transport=tcp`, '--timeout', '20'];
    const call = await tandem(['call', 'sip:600@127.0.0.1', ...via], { env: environment });
    expect(call.code).toBe(1);
    expect(call.stderr).toMatch(/call refused: (408|477|500|503)/);
  });
});
