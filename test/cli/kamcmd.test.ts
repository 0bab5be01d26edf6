/** The kamcmd face of the command. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';

const bin = join(root, 'bin', 'kamcmd.js');

describe('kamcmd', () => {
  it('is the command, with the options of kamcmd', async () => {
    await using server = await startServer(['ivr', '--store', 'none', '--recovery', 'none']);
    const control = `unixs:${join(server.folder, 'run', 'tandem_ctl')}`;
    const [own, face] = await Promise.all([
      runTandem(['dlg.stats_active', '-s', control]),
      runTandem(['-s', control, 'dlg.stats_active'], { bin }),
    ]);
    expect(face).toEqual(own);
    expect(face.stdout).toContain('ongoing: 0');
    // As the quick reference does, from the folder of the server.
    const cwd = server.folder;
    expect((await runTandem(['help'], { bin, cwd })).stdout).toMatch(/^dlg\.briefing$/m);
    expect((await runTandem(['help', 'dlg.list'], { bin, cwd })).stdout).toBe('Print all dialogs\n');
    expect((await runTandem(['version'], { bin, cwd })).stdout).toMatch(/^tandem /);
    expect(await runTandem(['dlg.is_alive', '-5'], { bin, cwd })).toMatchObject({ stdout: /^error: / });
    expect(await runTandem(['no.such'], { bin, cwd })).toMatchObject({ status: 1 });
  });

  it('says in one line what is wrong', () => {
    using folder = new TemporaryFolder();
    const run = (...args: readonly string[]) =>
      spawnSync(process.execPath, [bin, ...args], { cwd: folder.path, encoding: 'utf8' });
    expect(run('-x')).toMatchObject({ status: 2, stderr: 'kamcmd: option -x is not one of this kamcmd (-h)\n' });
    expect(run()).toMatchObject({ status: 2 });
    expect(run('-h')).toMatchObject({ status: 0, stderr: '' });
    const none = run('-s', 'unixs:nowhere', 'dlg.list');
    expect(none.status).toBe(1);
    expect(none.stderr.trim().split('\n')).toHaveLength(1);
  });
});
