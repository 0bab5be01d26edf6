/** A WebSocket client as a browser is one (RFC 7118), over TLS: it registers, calls, is called, and hangs up. */
import { writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority } from '../helpers/certificates.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { type Folder, temporaryFolder } from './support/folder.ts';
import { expectNoPrograms } from './support/process.ts';
import { payloads, payloadsOf } from './support/sound.ts';
import { TandemServer } from './support/tandem.ts';
import { field, knock, WsPhone } from './support/ws-phone.ts';

const page = 'https://phone.example.com';

let authority: TestAuthority;
let folder: Folder;

beforeAll(async () => {
  authority = new TestAuthority();
  folder = await temporaryFolder();
  const { cert, key } = authority.issue('IP:127.0.0.1');
  const users = { alice: { password: 'one' }, bob: { password: 'two' } };
  await writeFile(
    folder.file('tandem.yaml'),
    JSON.stringify({ users, tls: { cert, key }, origins: [page], drainTimeout: 500 }),
  );
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

afterEach(expectNoPrograms);

function serve(): Promise<TandemServer> {
  return TandemServer.start(['ivr', '--config', folder.file('tandem.yaml')], { listen: ['wss:127.0.0.1:0'] });
}

function connect(server: TandemServer, user: string, password: string): Promise<WsPhone> {
  return WsPhone.connect(server.portOf('wss'), user, password, { ca: authority.ca, origin: page });
}

describe('a client over wss', () => {
  it('registers, calls the echo, hears itself, hangs up, and unregisters', async () => {
    await using server = await serve();
    await using client = await connect(server, 'alice', 'one');
    expect((await client.register(120)).status).toBe(200);
    expect((await server.check()).bindings).toBe(1);

    using audio = await RawPhone.open();
    const hangUp = await client.call('600', audio);
    const said = payloads(10, 1);
    await audio.speak(said);
    await audio.hears(5, 0);
    expect(Buffer.concat(said).includes(payloadsOf(audio.packets.slice(0, 1)))).toBe(true);
    expect((await hangUp()).status).toBe(200);

    expect((await client.register(0)).status).toBe(200);
    expect((await server.check()).bindings).toBe(0);
    await server.expectIdle();
    await server.stop();
  });

  it('is called on its connection, and refuses', async () => {
    await using server = await serve();
    await using alice = await connect(server, 'alice', 'one');
    await using bob = await connect(server, 'bob', 'two');
    expect((await alice.register(120)).status).toBe(200);
    using audio = await RawPhone.open();
    const call = bob.call('alice', audio).then(
      () => 'answered',
      (error: unknown) => String(error),
    );
    const invite = await alice.asked('INVITE');
    expect(field(invite, 'From')).toContain('sip:bob@');
    alice.answer(invite, '486 Busy Here');
    expect(await call).toContain('486 Busy Here');
    await alice.asked('ACK');
    await server.expectIdle();
    await server.stop();
  });

  it('whose connection is lost in a call registers by another, and gets the BYE there', async () => {
    await using server = await serve();
    await using client = await connect(server, 'alice', 'one');
    expect((await client.register(120)).status).toBe(200);
    using audio = await RawPhone.open();
    await client.call('600', audio);
    await client.reconnect(server.portOf('wss'), { ca: authority.ca, origin: page });
    expect((await client.register(120)).status).toBe(200);
    const stopped = server.stop();
    client.answer(await client.asked('BYE'), '200 OK');
    await stopped;
  });

  it('with a wrong password does not register, and a user who left is not there', async () => {
    await using server = await serve();
    await using stranger = await connect(server, 'alice', 'wrong');
    expect((await stranger.register(120)).status).toBe(401);
    {
      await using alice = await connect(server, 'alice', 'one');
      expect((await alice.register(120)).status).toBe(200);
    }
    await using bob = await connect(server, 'bob', 'two');
    using audio = await RawPhone.open();
    await expect(bob.call('alice', audio)).rejects.toThrow('480');
    await server.stop();
  });

  it('that does not speak sip, or comes from a strange page, is refused', async () => {
    await using server = await serve();
    const port = server.portOf('wss');
    const { ca } = authority;
    expect(await knock(port, { ca, origin: page })).toBe(101);
    expect(await knock(port, { ca, origin: page, protocol: 'xmpp' })).toBe(400);
    expect(await knock(port, { ca, origin: 'https://evil.example.com' })).toBe(403);
    await server.expectIdle();
    await server.stop();
  });
});
