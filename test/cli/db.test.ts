import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { runTandem, TemporaryFolder } from '../helpers/cli.ts';
import { settle } from '../registry/helpers.ts';
import { connected, run, someCdr } from '../store/suite.ts';

describe('tandem db', () => {
  it('migrate makes the tables, and says so; once more there is nothing to do', async () => {
    using folder = new TemporaryFolder();
    const url = `sqlite:${folder.file('t.db')}`;
    const first = await runTandem(['db', 'migrate', '--url', url]);
    expect([first.status, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toBe(`${url}: made table dialog, table dialog_vars, table tandem_dialog, table tandem_cdr\n`);
    const second = await runTandem(['db', 'migrate', '--url', url]);
    expect(second).toMatchObject({ status: 0, stdout: `${url}: up to date\n` });
  });

  it('check says what is wrong and what to do', async () => {
    using folder = new TemporaryFolder();
    const url = `sqlite:${folder.file('t.db')}`;
    const empty = await runTandem(['db', 'check', '--url', url]);
    expect(empty.status).toBe(0);
    expect(empty.stdout).toContain('warn  missing: table dialog: tandem db migrate makes it');
    await runTandem(['db', 'migrate', '--url', url]);
    const well = await runTandem(['db', 'check', '--url', url]);
    expect(well.stdout).toMatch(/ok {4}0 rows in dialog\n.*schema 2\n.*: is well\n$/s);
    const database = new DatabaseSync(folder.file('t.db'));
    database.exec('ALTER TABLE dialog DROP COLUMN xdata; UPDATE tandem_schema SET version = 9;');
    database.close();
    const wrong = await runTandem(['db', 'check', '--url', url]);
    expect(wrong.status).toBe(1);
    expect(wrong.stdout).toContain('FAIL  the table dialog has no column xdata');
    expect(wrong.stdout).toContain('FAIL  the database has the schema 9 of a later Tandem');
    const refused = await runTandem(['db', 'migrate', '--url', url]);
    expect([refused.status, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('the table dialog has no column xdata');
  });

  it('check tells a file that is no database', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(
      folder.file('t.db'),
      'this is a text, and long enough to be no header of a database at all, for sure',
    );
    const { status, stderr } = await runTandem(['db', 'check', '--url', `sqlite:${folder.file('t.db')}`]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tandem: .*t\.db is damaged, or is none .*: move it away, or put back a copy of it\n$/);
  });

  it('export writes calls with their variables, and call detail records, one a line', async () => {
    using folder = new TemporaryFolder();
    const url = `sqlite:${folder.file('t.db')}`;
    const made = await run(url);
    connected(made)[0].variables.set('customer', 'acme');
    connected(made, 'call-2');
    await settle();
    const written = made.store.writeCdr(someCdr);
    await made.store.flush();
    await written;
    await made.store.close();
    const linesOf = async (what: string): Promise<unknown[]> => {
      const { status, stdout, stderr } = await runTandem(['db', 'export', what, '--url', url]);
      expect([status, stderr]).toEqual([0, '']);
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    };
    expect(await linesOf('dialogs')).toMatchObject([
      { callid: 'call-1', state: 4, variables: { customer: 'acme' } },
      { callid: 'call-2', variables: {} },
    ]);
    expect(await linesOf('cdrs')).toEqual([JSON.parse(JSON.stringify(someCdr))]);
  });
});
