/** sipp as the other side of registrations and trunks. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms, root } from '../support/process.ts';
import { allWell, Sipp } from '../support/sipp.ts';
import { startTandem, TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

describe('examples/register.ts', () => {
  it.each([
    'udp',
    'tcp',
  ] as const)('registers with sipp over %s by digest, and unregisters when it stops', async (transport) => {
    await using registrar = await Sipp.start({ scenario: 'uas-registrar', transport });
    const ACCOUNT = `sip:alice@127.0.0.1:${registrar.port};transport=${transport}`;
    await using server = await TandemServer.start(['serve', join(root, 'examples', 'register.ts')], {
      env: { ACCOUNT, PASSWORD: 'secret' },
    });
    await server.program.until('registered', () => server.program.stdout.includes('is registered as sip:alice@'));
    await server.stop();
    const result = await registrar.result();
    expect(result, await registrar.complaints()).toMatchObject(allWell(1));
  });
});

describe('tandem trunk check', () => {
  it('finds nothing wrong with a gateway that answers', async () => {
    await using sipp = await Sipp.start({ scenario: 'uas-trunk', calls: 2, rtpEcho: true });
    await using folder = await temporaryFolder();
    const trunks = { main: { uri: `127.0.0.1:${sipp.port}` } };
    await writeFile(folder.file('tandem.yaml'), JSON.stringify({ trunks }));
    const args = ['trunk', 'check', 'main', '--number', '200', '--config', folder.file('tandem.yaml')];
    await using program = startTandem(args);
    expect((await program.ended()).code, program.output).toBe(0);
    expect(program.stdout).toMatch(/ok {4}call .*answered after \d+ ms, PCMU/);
    expect(program.stdout).toMatch(/ok {4}audio .*packets out, [1-9]\d* in/);
    const result = await sipp.result();
    expect(result, await sipp.complaints()).toMatchObject(allWell(2));
  });

  it.each([
    ['403', /fail {2}call .*403 Forbidden.*caller ID is not ours to use/],
    ['488', /fail {2}call .*488.*no common codec/],
    ['486', /fail {2}call .*486.*number is busy/],
  ])('knows what a gateway means by %s', async (status, expected) => {
    // OPTIONS is a call of its own for sipp.
    await using sipp = await Sipp.start({ scenario: 'uas-trunk', calls: 2 });
    await using folder = await temporaryFolder();
    const trunks = { main: { uri: `127.0.0.1:${sipp.port}` } };
    await writeFile(folder.file('tandem.yaml'), JSON.stringify({ trunks }));
    const args = ['trunk', 'check', 'main', '--number', status, '--config', folder.file('tandem.yaml')];
    await using program = startTandem(args);
    expect((await program.ended()).code, program.output).toBe(1);
    expect(program.stdout).toMatch(/ok {4}options .*200 in \d+ ms/);
    expect(program.stdout).toMatch(expected);
    expect(program.stderr).toBe('');
    const result = await sipp.result();
    expect(result, await sipp.complaints()).toMatchObject(allWell(2));
  });
});
