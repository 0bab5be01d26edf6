/** SRTP with a phone by others: its own libsrtp-like code, keys over TLS. */
import { writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority } from '../../helpers/certificates.ts';
import { heardInPieces } from '../../helpers/pieces.ts';
import { Baresip, type BaresipOptions } from '../support/baresip.ts';
import { type Folder, temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms } from '../support/process.ts';
import { prompt } from '../support/sound.ts';
import { TandemServer } from '../support/tandem.ts';

let authority: TestAuthority;
let folder: Folder;

beforeAll(async () => {
  authority = new TestAuthority();
  folder = await temporaryFolder();
  const own = authority.issue('IP:127.0.0.1', 'URI:sip:127.0.0.1');
  for (const [name, text] of Object.entries({ cert: own.cert, key: own.key, ca: authority.ca }))
    await writeFile(folder.file(`${name}.pem`), text);
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

afterEach(expectNoPrograms);

async function serve(srtp: 'optional' | 'required'): Promise<TandemServer> {
  const config = folder.file(`${srtp}.yaml`);
  await writeFile(
    config,
    [
      'users: { "5001": { password: one }, "5002": { password: two } }',
      `tls: { cert: ${folder.file('cert.pem')}, key: ${folder.file('key.pem')} }`,
      `media: { srtp: ${srtp} }`,
    ].join('\n'),
  );
  return TandemServer.start(['ivr', '--config', config], { listen: ['tls:127.0.0.1:0'] });
}

function phone(
  server: TandemServer,
  user: '5001' | '5002',
  options: Pick<BaresipOptions, 'says' | 'mediaenc'>,
): Promise<Baresip> {
  const password = user === '5001' ? 'one' : 'two';
  const account = { user, password, port: server.portOf('tls'), transport: 'tls', ca: folder.file('ca.pem') } as const;
  return Baresip.start({ ...options, account });
}

async function registered(server: TandemServer, phones: number): Promise<void> {
  await expect.poll(async () => (await server.check()).bindings, { timeout: 15_000 }).toBe(phones);
}

const middle = (samples: Int16Array): Int16Array => samples.subarray(8 * 1000, 8 * 2000);

describe('baresip', () => {
  it.each([
    ['srtp', 'optional'],
    ['srtp', 'required'],
    ['srtp-mand', 'required'],
    ['srtp-mandf', 'optional'],
  ] as const)('with mediaenc=%s hears its echo from a server with srtp: %s', async (mediaenc, mode) => {
    await using server = await serve(mode);
    await using alice = await phone(server, '5001', { says: 'message', mediaenc });
    await registered(server, 1);
    alice.dial(`sip:600@127.0.0.1:${server.portOf('tls')}`);
    await alice.event('CALL_ESTABLISHED');
    await alice.heardFor(2500);
    alice.hangup();
    await alice.event('CALL_CLOSED');
    await server.expectIdle();
    expect(heardInPieces(await alice.heard(), middle(await prompt('message')))).toBeGreaterThan(0.95);
    expect(alice.program.output).toContain('SRTP is Enabled');
    expect(server.program.output).not.toContain('SRTP is not heard');
    await server.stop();
  });

  it('with SRTP and one without talk through a server that has both', async () => {
    await using server = await serve('optional');
    await using alice = await phone(server, '5001', { says: 'message', mediaenc: 'srtp-mand' });
    await using bob = await phone(server, '5002', { says: 'welcome' });
    await registered(server, 2);
    alice.dial(`sip:5002@127.0.0.1:${server.portOf('tls')}`);
    await Promise.all([alice.event('CALL_ESTABLISHED'), bob.event('CALL_ESTABLISHED')]);
    await Promise.all([alice.heardFor(2500), bob.heardFor(2500)]);
    alice.hangup();
    await Promise.all([alice.event('CALL_CLOSED'), bob.event('CALL_CLOSED')]);
    expect(heardInPieces(await alice.heard(), middle(await prompt('welcome')))).toBeGreaterThan(0.95);
    expect(heardInPieces(await bob.heard(), middle(await prompt('message')))).toBeGreaterThan(0.95);
    await server.stop();
  });

  it('without SRTP is refused by a server that requires it', async () => {
    await using server = await serve('required');
    await using alice = await phone(server, '5001', { says: 'message' });
    await registered(server, 1);
    alice.dial(`sip:600@127.0.0.1:${server.portOf('tls')}`);
    await alice.event('CALL_CLOSED');
    expect(alice.program.output).toContain('488');
    await server.stop();
  });
});
