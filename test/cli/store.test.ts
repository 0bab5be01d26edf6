import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';

describe('the database of a server', () => {
  it('is SQLite in ./data, in mode realtime, where nobody says another', async () => {
    await using server = await startServer(['ivr']);
    await server.tandem.prints(/"store":"sqlite:\.\/data\/tandem\.db","mode":"realtime"[^\n]*"database"/);
    const database = new DatabaseSync(`${server.folder}/data/tandem.db`);
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    database.close();
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['dialog', 'dialog_vars', 'tandem_cdr', 'tandem_dialog', 'version']),
    );
  });

  it('that is damaged is said to be, and calls are taken all the same', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('bad.db'), 'x'.repeat(5_000));
    await using server = await startServer(['ivr', '--store', `sqlite:${folder.file('bad.db')}`]);
    await server.tandem.prints(/bad\.db is damaged[^\n]*"the database is lost: calls go on, and it is tried again"/);
    expect(server.port).toBeGreaterThan(0);
  });

  it('that is required and damaged is the end, with status 1', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('bad.db'), 'x'.repeat(5_000));
    const args = ['ivr', '--listen', 'udp:127.0.0.1:0', '--rtp-ports', '9400-9439', '--http', 'none'];
    const { status, stderr } = await runTandem([...args, '--store', `sqlite:${folder.file('bad.db')}`], {
      cwd: folder.path,
      env: { TANDEM_STORE_REQUIRED: 'true', TANDEM_LOG_LEVEL: 'silent' },
    });
    expect(stderr).toMatch(/^tandem: the store sqlite:.*bad\.db is damaged.*: choose another with --store\n$/);
    expect(status).toBe(1);
  });

  it('has a key that nobody is shown', async () => {
    const { stdout } = await runTandem(['config'], { env: { TANDEM_STORE_ENCRYPTION_KEY: 'hush hush' } });
    expect(stdout).toMatch(/^store\.encryptionKey +"…" +variable TANDEM_STORE_ENCRYPTION_KEY$/m);
    expect(stdout).not.toContain('hush');
  });
});
