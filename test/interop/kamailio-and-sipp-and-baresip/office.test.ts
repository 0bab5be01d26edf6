/**
 * examples/office.yaml as it is deployed: Kamailio is the provider, sipp calls from outside and is called there, baresip
 * are the phones inside.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestAuthority } from '../../helpers/certificates.ts';
import { heardInPieces } from '../../helpers/pieces.ts';
import { Baresip } from '../support/baresip.ts';
import { type Folder, temporaryFolder } from '../support/folder.ts';
import { Kamailio } from '../support/kamailio.ts';
import { freePort } from '../support/ports.ts';
import { expectNoPrograms, root } from '../support/process.ts';
import { Script } from '../support/script.ts';
import { allWell, Sipp } from '../support/sipp.ts';
import { prompt } from '../support/sound.ts';
import { TandemServer, tandem } from '../support/tandem.ts';

/** Not the address of the phones: who calls from there comes by the trunk. */
const provider = '127.0.0.9';

let authority: TestAuthority | undefined;
let folder: Folder;
let server: TandemServer;
let kamailio: Kamailio;
let uasPort: number;

/** @param hours when the office is open */
async function office(hours: string): Promise<void> {
  const text = await readFile(join(root, 'examples', 'office.yaml'), 'utf8');
  const yaml = text
    .replace('sip:192.0.2.10', `sip:${provider}:${kamailio.port}`)
    .replace('trusted: [192.0.2.10]', `trusted: [${provider}]`)
    .replace(/"(500\d)": \{ password: [\w-]+/g, '"$1": { password: "$1"')
    .replace(/office: \{ days.*/, `office: { ${hours} }`)
    .replace('"5003": { pin: "3333" }', '"5003": {}')
    .replace('./data/voicemail', folder.file('voicemail'));
  await writeFile(folder.file('tandem.yaml'), yaml);
}

const open = 'days: mon-sun';
const closed = 'dates: 2000-01-01';

beforeEach(async () => {
  authority ??= new TestAuthority();
  folder = await temporaryFolder();
  const port = await freePort();
  uasPort = await freePort();
  kamailio = await Kamailio.start({
    target: `sip:127.0.0.1:${port}`,
    outbound: `sip:127.0.0.1:${uasPort}`,
    address: provider,
    tls: authority.issue('IP:127.0.0.1'),
  });
  await office(open);
  const listen = [`udp:127.0.0.1:${port}`];
  server = await TandemServer.start(['ivr', '--config', folder.file('tandem.yaml')], { listen });
});

afterEach(async () => {
  try {
    await server.expectIdle();
    expect(server.errors.filter(({ msg }) => !String(msg).includes('the old one stays'))).toEqual([]);
    await server.stop();
  } finally {
    await server[Symbol.asyncDispose]();
    await kamailio[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  }
  await expectNoPrograms();
});

afterAll(() => authority?.[Symbol.dispose]());

function phone(user: string, says = 'welcome'): Promise<Baresip> {
  return Baresip.start({ says, account: { user, password: user, port: server.port } });
}

async function registered(phones: number): Promise<void> {
  await expect.poll(async () => (await server.check()).bindings, { timeout: 15_000 }).toBe(phones);
}

/** A call of the provider, which presses keys. */
function outside(name: string, keys: string): Script {
  const script = new Script(name, { routed: true }).asks('INVITE', { sdp: {} }).hears(200).waits(300);
  for (const key of keys)
    script
      .asks('INFO', { headers: ['Content-Type: application/dtmf-relay'], body: [`Signal=${key}`, 'Duration=160'] })
      .hears(200);
  return script;
}

function call(scenario: Script): Promise<Sipp> {
  return Sipp.start({ scenario, host: provider, target: kamailio.port, user: '4930123450' });
}

async function fits(phone: Baresip, name: string): Promise<number> {
  const heard = await phone.heard();
  return heardInPieces(heard, (await prompt(name)).subarray(8 * 500, 8 * 1500));
}

describe('a call from outside', { timeout: 60_000 }, () => {
  it('rings the group by a key of the menu; whoever takes it can hang up', async () => {
    await using anna = await phone('5001');
    await registered(1);
    await using caller = await call(outside('to the group', '1').isAsked('BYE').says('200 OK'));
    await anna.event('CALL_ESTABLISHED');
    anna.hangup();
    expect(await caller.result()).toMatchObject(allWell(1));
  });

  it('waits in the queue, and hangs up', async () => {
    await using chris = await phone('5003');
    await registered(1);
    await using caller = await call(outside('to the queue', '2').waits(3000).asks('BYE').hears(200));
    await chris.event('CALL_ESTABLISHED');
    await chris.event('CALL_CLOSED');
    expect(await caller.result()).toMatchObject(allWell(1));
  });

  it('dials an extension, and leaves a message where nobody is', async () => {
    await using caller = await call(outside('to a mailbox', '5002').waits(1000).asks('BYE').hears(200));
    expect(await caller.result()).toMatchObject(allWell(1));
  });

  it('goes through menus, and back', async () => {
    await using caller = await call(outside('through menus', '3*3*').waits(500).asks('BYE').hears(200));
    expect(await caller.result()).toMatchObject(allWell(1));
  });
});

describe('a phone inside', { timeout: 60_000 }, () => {
  it('calls another, and both hear each other', async () => {
    await using anna = await phone('5001', 'message');
    await using ben = await phone('5002', 'welcome');
    await registered(2);
    anna.dial(`sip:5002@127.0.0.1:${server.port}`);
    await ben.event('CALL_ESTABLISHED');
    await Promise.all([anna.heardFor(2500), ben.heardFor(2500)]);
    anna.hangup();
    await ben.event('CALL_CLOSED');
    expect(await fits(anna, 'welcome')).toBeGreaterThan(0.95);
    expect(await fits(ben, 'message')).toBeGreaterThan(0.95);
  });

  it('calls out through the provider, with the number that this one wants', async () => {
    const callee = new Script('is called', { routed: true })
      .isAsked('INVITE', { has: ['INVITE sip:[+]4930987@', 'From:.*[+]4930123450@'] })
      .says('200 OK', { sdp: {} })
      .isAsked('ACK')
      .waits(500)
      .asks('BYE')
      .hears(200);
    await using far = await Sipp.start({ scenario: callee, port: uasPort });
    await using anna = await phone('5001');
    await registered(1);
    anna.dial(`sip:030987@127.0.0.1:${server.port}`);
    await anna.event('CALL_ESTABLISHED');
    await anna.event('CALL_CLOSED');
    expect(await far.result()).toMatchObject(allWell(1));
    expect(kamailio.passed).toContain('INVITE udp');
  });

  it('leaves a message, which the other is told of and listens to', async () => {
    {
      await using anna = await phone('5001', 'welcome');
      await registered(1);
      anna.dial(`sip:5003@127.0.0.1:${server.port}`);
      await anna.event('CALL_ESTABLISHED');
      // Greeting and beep take 8 s; what she says is over a second later.
      await anna.event('CALL_CLOSED', 30_000);
      expect(await fits(anna, 'vm-greeting')).toBeGreaterThan(0.95);
    }
    await using chris = await phone('5003');
    await registered(2);
    chris.dial(`sip:*97@127.0.0.1:${server.port}`);
    await chris.event('CALL_ESTABLISHED');
    await chris.heardFor(3000);
    chris.hangup();
    await chris.event('CALL_CLOSED');
    expect(await fits(chris, 'vm-new-messages')).toBeGreaterThan(0.95);
  });

  it('gets 404 for a number that no route leads to', async () => {
    await using anna = await phone('5001');
    await registered(1);
    anna.dial(`sip:999@127.0.0.1:${server.port}`);
    await anna.event('CALL_CLOSED');
    expect(anna.program.output).toContain('404');
  });
});

describe('when the office closes', { timeout: 60_000 }, () => {
  it('a reload changes the calls to come, and none that runs', async () => {
    await using caller = await call(
      outside('stays in the menu', '').waits(3000).asks('INFO').hears(200).asks('BYE').hears(200),
    );
    await expect.poll(async () => (await server.check()).calls, { timeout: 10_000 }).toBe(1);
    await office(closed);
    const { code, stdout } = await tandem(['reload', '-s', server.control]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'changed: calendar.times\n' });
    await using late = await call(
      new Script('finds the mailbox', { routed: true })
        .asks('INVITE', { sdp: {} })
        .hears(200)
        .waits(1000)
        .asks('BYE')
        .hears(200),
    );
    expect(await late.result()).toMatchObject(allWell(1));
    expect(await caller.result()).toMatchObject(allWell(1));
    await writeFile(folder.file('tandem.yaml'), 'routes: [{ to: { menu: nowhere } }]\n');
    const wrong = await tandem(['reload', '-s', server.control]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('tandem.yaml:1: routes[0].to.menu: there is no menu nowhere');
  });
});
