/** sipp asks for a password, and is asked for one. */
import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms } from '../support/process.ts';
import { allWell, runSipp, Sipp } from '../support/sipp.ts';
import { TandemServer, tandem } from '../support/tandem.ts';

afterEach(expectNoPrograms);

describe('a caller that says to be a user', () => {
  it.each([
    ['proves it', 'uac-auth', 'one'],
    ['and has a wrong password is asked again', 'uac-auth-wrong', 'two'],
  ])('%s', async (_what, scenario, password) => {
    await using folder = await temporaryFolder();
    await writeFile(folder.file('tandem.yaml'), JSON.stringify({ users: { 5001: { password: 'one' } } }));
    await using server = await TandemServer.start(['ivr', '--config', folder.file('tandem.yaml')]);
    const result = await runSipp({
      scenario,
      target: server.port,
      user: '600',
      calls: 5,
      args: ['-au', '5001', '-ap', password],
    });
    expect(result, result.complaints).toMatchObject(allWell(5));
    await server.expectIdle();
    await server.stop();
  });
});

describe('a gate that asks us for a password', () => {
  it('gets it, counted in all that follows, and again where its nonce is too old', async () => {
    await using gate = await Sipp.start({ scenario: 'uas-asks' });
    const call = await tandem([
      ...['call', `sip:anybody@127.0.0.1:${gate.port}`],
      ...['--user', 'gatekeeper', '--password', 'sesame', '--duration', '0.5'],
    ]);
    expect([call.code, call.stderr]).toEqual([0, '']);
    const result = await gate.result();
    expect(result, await gate.complaints()).toMatchObject(allWell(1));
  });

  it('and does not get it, ends the call', async () => {
    await using gate = await Sipp.start({ scenario: 'uas-asks' });
    const call = await tandem(['call', `sip:anybody@127.0.0.1:${gate.port}`]);
    expect(call.code).toBe(1);
    expect(call.stderr).toContain('407 Proxy Authentication Required');
  });
});
