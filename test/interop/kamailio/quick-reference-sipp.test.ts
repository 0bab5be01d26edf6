/**
 * The command blocks of the dialog module's quick reference, run by a shell as they stand there: `sudo docker exec …
 * kamcmd` is the real kamcmd, and once more `tandem … --format quickref`. sipp calls in place of the browser.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms, root, run } from '../support/process.ts';
import { Shell } from '../support/quick-reference-shell.ts';
import { Script } from '../support/script.ts';
import { Sipp } from '../support/sipp.ts';
import { TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

const kamcmd = 'sudo docker exec webrtc-kamailio kamcmd';

/** A phone of the quick reference that stays until the server hangs up. */
async function calls(server: TandemServer, user: string): Promise<Sipp> {
  const host = '192.168.210.54';
  const script = new Script(user).asks('INVITE', { user, host, sdp: {} }).hears(200).isAsked('BYE').says('200 OK');
  const sipp = await Sipp.start({ scenario: script, target: server.port, user: '1003' });
  return sipp;
}

const open = (server: TandemServer): Promise<number> => server.check().then(({ calls: count }) => count);

async function endAll(shell: Shell): Promise<void> {
  const listed = await shell.run(`${kamcmd} dlg.briefing c`);
  for (const [, entry, id] of listed.matchAll(/h_entry: (\d+)\s+h_id: (\d+)/g))
    await shell.run(`${kamcmd} dlg.end_dlg ${entry} ${id}`);
}

describe('the quick reference', () => {
  it('test 1, 2 and 3: counts, details, profiles', async () => {
    await using server = await TandemServer.start(['ivr']);
    await using real = await Shell.open(server, 'kamcmd');
    await using quick = await Shell.open(server, 'quickref');
    const watch = `watch -n 2 '${kamcmd} dlg.stats_active'`;
    expect(await quick.run(watch)).toBe('0\n');

    await using first = await calls(server, '5001');
    await expect.poll(() => quick.run(watch), { timeout: 20_000 }).toBe('1\n');
    expect(await real.run(watch)).toMatch(/^\tongoing: 1$/m);
    const { dialog } = JSON.parse(await quick.run(`${kamcmd} dlg.list`));
    expect(dialog).toEqual([
      expect.objectContaining({
        callid: expect.any(String),
        from_uri: 'sip:5001@192.168.210.54',
        to_uri: expect.stringContaining('sip:1003@'),
        state: '4',
        duration: expect.stringMatching(/^\d+$/),
        profiles: 'caller=sip:5001@192.168.210.54',
      }),
    ]);
    expect(await real.run(`${kamcmd} dlg.list`)).toMatch(/^\tfrom_uri: sip:5001@192\.168\.210\.54$/m);

    await using second = await calls(server, '5002');
    await using third = await calls(server, '5003');
    await expect.poll(() => quick.run(`${kamcmd} dlg.stats_active`), { timeout: 20_000 }).toBe('3\n');
    for (const shell of [real, quick]) expect(await shell.run(`${kamcmd} dlg.profile_get_size caller`)).toBe('3\n');

    await endAll(real);
    for (const sipp of [first, second, third]) expect(await sipp.result()).toMatchObject({ code: 0, successful: 1 });
    expect(await quick.run(`${kamcmd} dlg.stats_active`)).toBe('0\n');
    await server.expectIdle();
    await server.stop();
  });

  it('common commands', async () => {
    await using server = await TandemServer.start(['ivr']);
    await using real = await Shell.open(server, 'kamcmd');
    await using quick = await Shell.open(server, 'quickref');
    await using sipp = await calls(server, '5001');
    await expect.poll(() => open(server), { timeout: 20_000 }).toBe(1);
    await expect.poll(() => quick.run(`${kamcmd} dlg.stats_active`), { timeout: 20_000 }).toBe('1\n');

    const briefing = JSON.parse(await quick.run(`${kamcmd} dlg.briefing`));
    expect(briefing).toEqual({
      all: [
        { name: 'processed', value: 1 },
        { name: 'failed', value: 0 },
        { name: 'active', value: 1 },
        { name: 'early', value: 0 },
      ],
    });
    expect(await real.run(`${kamcmd} dlg.briefing`)).toMatch(/^\tfrom_uri: sip:5001@192\.168\.210\.54$/m);
    const own = `${kamcmd} dlg.profile_list caller "sip:5001@192.168.210.54"`;
    expect(await real.run(own)).toMatch(/^\tfrom_uri: sip:5001@192\.168\.210\.54$/m);
    const { Profiles } = JSON.parse(await quick.run(own));
    expect(Profiles).toEqual([
      {
        ...{ profile: 'caller', value: 'sip:5001@192.168.210.54', count: 1 },
        dialogs: [
          {
            callid: expect.any(String),
            from_uri: 'sip:5001@192.168.210.54',
            to_uri: expect.stringContaining('sip:1003@'),
          },
        ],
      },
    ]);
    const [{ callid, h_entry, h_id }] = JSON.parse(await quick.run(`${kamcmd} dlg.list`)).dialog;
    for (const shell of [real, quick]) expect(await shell.run(`${kamcmd} dlg.is_alive ${callid}`)).toBe('Alive\n');

    // What docs/monitoring.md has in its place.
    const page = await readFile(join(root, 'docs', 'monitoring.md'), 'utf8');
    const lines = page.split('\n').filter((line) => /^tandem (dlg|system)\.[^<]*$/.test(line));
    expect(lines.length).toBeGreaterThan(8);
    for (const line of lines) expect(await real.run(line)).not.toBe('');

    expect(await real.run(`${kamcmd} dlg.end_dlg ${h_entry} ${h_id}`)).toBe('');
    expect(await sipp.result()).toMatchObject({ code: 0, successful: 1 });
    expect(await quick.run(`${kamcmd} dlg.list`)).toBe('{\n  "dialog": []\n}\n');
    expect(await real.run(`${kamcmd} dlg.list`)).toBe('');
    await server.expectIdle();
    await server.stop();
  });

  it('troubleshooting and checklist', async () => {
    await using server = await TandemServer.start(['ivr']);
    await using real = await Shell.open(server, 'kamcmd');
    expect(await real.run(`${kamcmd} dlg.stats`)).toBe('error: 500 - command dlg.stats not found\n');
    for (const command of ['dlg.stats_active', 'dlg.briefing', 'dlg.list'])
      expect(await real.run(`${kamcmd} ${command}`)).not.toContain('error:');
    expect(await real.run('kamcmd help | grep dlg')).toContain('dlg.profile_get_size');
    expect(await real.run('sudo docker logs webrtc-kamailio 2>&1 | grep "dialog"', server)).toContain(
      'dialog registry',
    );

    await using sipp = await calls(server, '5001');
    await expect.poll(() => open(server), { timeout: 20_000 }).toBe(1);
    const seen = await real.run('sudo docker logs -f webrtc-kamailio | grep INVITE', server);
    expect(JSON.parse(seen)).toMatchObject({ from: 'sip:5001@192.168.210.54', direction: 'inbound' });

    const check = `./scripts/check_dialog.sh --socket ${server.socket}`;
    expect(await real.run(check)).toMatch(/^ok +INVITEs +1 seen, 1 tracked, 0 rejected$/m);
    expect(await real.run(`${check} --json | grep defaultTimeout`)).toContain('43200');
    expect(await real.run('./scripts/monitor_dialogs.sh --once')).toMatch(/sip:5001@192\.168\.210\.54 +sip:1003@/);

    await endAll(real);
    expect(await sipp.result()).toMatchObject({ code: 0, successful: 1 });
    await expect.poll(() => real.run(check), { timeout: 20_000 }).toMatch(/^ok +active calls +0 active/m);
    await server.expectIdle();
    await server.stop();
  });

  it('the configuration, imported', async () => {
    await using folder = await temporaryFolder();
    const { code } = await run(process.execPath, [
      ...[join(root, 'bin', 'tandem.js'), 'import', join(root, 'test', 'cli', 'fixtures', 'kamailio-proxy.cfg')],
      ...['-o', folder.file('tandem.yaml')],
    ]);
    expect(code).toBe(0);
    await using server = await TandemServer.start(['ivr', '--config', folder.file('tandem.yaml')]);
    await using real = await Shell.open(server, 'kamcmd');
    const check = `./scripts/check_dialog.sh --config ${folder.file('tandem.yaml')} --socket ${server.socket}`;
    expect(await real.run(check)).toContain('answered 21600 s');
    await using sipp = await calls(server, '5001');
    await expect.poll(() => real.run(`${kamcmd} dlg.stats_active`), { timeout: 20_000 }).toMatch(/ongoing: 1/);
    expect(await real.run(`${kamcmd} dlg.list`)).toMatch(/^\tlifetime: 21600$/m);
    await endAll(real);
    expect(await sipp.result()).toMatchObject({ code: 0, successful: 1 });
    await server.expectIdle();
    await server.stop();
  });
});
