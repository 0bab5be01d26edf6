/** Users of the ready-made server on real phones: they register, call each other, hold and resume. */
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
  await writeFile(
    folder.file('tandem.yaml'),
    [
      'users:',
      '  "5001": { password: one, callerId: Reception <100> }',
      '  "5002": { password: two, callLimit: 1 }',
      '  "5003": { password: three }',
      `tls: { cert: ${folder.file('cert.pem')}, key: ${folder.file('key.pem')} }`,
    ].join('\n'),
  );
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

afterEach(expectNoPrograms);

type User = '5001' | '5002' | '5003';

const passwords: Readonly<Record<User, string>> = { 5001: 'one', 5002: 'two', 5003: 'three' };

type Transport = 'udp' | 'tcp' | 'tls';

function serve(transport: Transport): Promise<TandemServer> {
  return TandemServer.start(['ivr', '--config', folder.file('tandem.yaml')], { listen: [`${transport}:127.0.0.1:0`] });
}

async function register(
  server: TandemServer,
  transport: Transport,
  user: User,
  options: Pick<BaresipOptions, 'says' | 'codecs'>,
): Promise<Baresip> {
  const account = {
    user,
    password: passwords[user],
    port: server.portOf(transport),
    transport,
    ca: folder.file('ca.pem'),
  };
  return Baresip.start({ ...options, account });
}

async function registered(server: TandemServer, phones: number): Promise<void> {
  await expect.poll(async () => (await server.check()).bindings, { timeout: 15_000 }).toBe(phones);
}

describe('two registered phones', () => {
  it.each(['udp', 'tcp', 'tls'] as const)('call each other by %s, and hear each other', async (transport) => {
    await using server = await serve(transport);
    await using alice = await register(server, transport, '5001', { says: 'message' });
    await using bob = await register(server, transport, '5002', { says: 'welcome' });
    await registered(server, 2);
    alice.dial(`sip:5002@127.0.0.1:${server.portOf(transport)}`); // it adds the transport of its account
    await Promise.all([alice.event('CALL_ESTABLISHED'), bob.event('CALL_ESTABLISHED')]);
    await Promise.all([alice.heardFor(2500), bob.heardFor(2500)]);
    alice.hangup();
    await Promise.all([alice.event('CALL_CLOSED'), bob.event('CALL_CLOSED')]);
    await server.expectIdle();
    const part = (samples: Int16Array): Int16Array => samples.subarray(8 * 1000, 8 * 2000);
    expect(heardInPieces(await alice.heard(), part(await prompt('welcome')))).toBeGreaterThan(0.95);
    expect(heardInPieces(await bob.heard(), part(await prompt('message')))).toBeGreaterThan(0.95);
    await server.stop();
  });

  it('speak different codecs, and the server converts', async () => {
    await using server = await serve('udp');
    await using alice = await register(server, 'udp', '5001', { says: 'message', codecs: 'PCMA/8000/1' });
    await using bob = await register(server, 'udp', '5002', { says: 'welcome', codecs: 'PCMU/8000/1' });
    await registered(server, 2);
    alice.dial(`sip:5002@127.0.0.1:${server.port}`);
    await bob.event('CALL_ESTABLISHED');
    await Promise.all([alice.heardFor(2500), bob.heardFor(2500)]);
    bob.hangup();
    await alice.event('CALL_CLOSED');
    const part = (samples: Int16Array): Int16Array => samples.subarray(8 * 1000, 8 * 2000);
    expect(heardInPieces(await alice.heard(), part(await prompt('welcome')))).toBeGreaterThan(0.95);
    expect(heardInPieces(await bob.heard(), part(await prompt('message')))).toBeGreaterThan(0.95);
    await server.stop();
  });

  it('with a wrong password cannot register', async () => {
    await using server = await serve('udp');
    const account = { user: '5001', password: 'wrong', port: server.port };
    await using phone = await Baresip.start({ says: 'message', account });
    await expect.poll(() => phone.program.output).toMatch(/5001@.*401 Unauthorized/);
    expect((await server.check()).bindings).toBe(0);
    await server.stop();
  });

  it.each(['udp', 'tls'] as const)('hold and resume (%s)', async (transport) => {
    await using server = await serve(transport);
    await using alice = await register(server, transport, '5001', { says: 'message' });
    await using bob = await register(server, transport, '5002', { says: 'welcome' });
    await registered(server, 2);
    alice.dial(`sip:5002@127.0.0.1:${server.portOf(transport)}`);
    await bob.event('CALL_ESTABLISHED');
    await alice.heardFor(500);
    // Once held, alice writes no more of what it hears: bob, who was not re-invited, is the witness.
    await bob.heardFor(500);
    alice.hold();
    await bob.quietFor(500);
    alice.resume();
    await bob.heardFor((await bob.heardMs()) + 500);
    bob.hangup();
    await alice.event('CALL_CLOSED');
    await server.expectIdle();
    await server.stop();
  });

  it.each(['udp', 'tls'] as const)('are connected by a third, who hands its call on (%s)', async (transport) => {
    await using server = await serve(transport);
    await using alice = await register(server, transport, '5001', { says: 'message' });
    await using bob = await register(server, transport, '5002', { says: 'welcome' });
    await using carol = await register(server, transport, '5003', { says: 'goodbye' });
    await registered(server, 3);
    alice.dial(`sip:5002@127.0.0.1:${server.portOf(transport)}`);
    await bob.event('CALL_ESTABLISHED');
    bob.transfer(`sip:5003@127.0.0.1:${server.portOf(transport)}`);
    await Promise.all([carol.event('CALL_ESTABLISHED'), bob.event('CALL_CLOSED')]);
    await carol.heardFor(2500);
    alice.hangup();
    await carol.event('CALL_CLOSED');
    await server.expectIdle();
    const said = (await prompt('message')).subarray(8 * 1000, 8 * 2000);
    expect(heardInPieces(await carol.heard(), said)).toBeGreaterThan(0.95);
    await server.stop();
  });

  it.each(['udp', 'tls'] as const)('tell who hands its call to nobody that there is nobody (%s)', async (transport) => {
    await using server = await serve(transport);
    await using alice = await register(server, transport, '5001', { says: 'message' });
    await using bob = await register(server, transport, '5002', { says: 'welcome' });
    await registered(server, 2);
    alice.dial(`sip:5002@127.0.0.1:${server.portOf(transport)}`);
    await bob.event('CALL_ESTABLISHED');
    bob.transfer(`sip:5009@127.0.0.1:${server.portOf(transport)}`);
    await bob.event('TRANSFER_FAILED');
    expect(bob.program.output).toContain('transfer failed: 404 Not Found');
    await alice.event('CALL_CLOSED'); // baresip ends a call that it cannot hand on
    await server.expectIdle();
    await server.stop();
  });
});
