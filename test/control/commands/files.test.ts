import { link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe } from 'vitest';
import { openToAppend, writablePath } from '../../../src/control/commands/files.ts';
import { expect, test } from '../../helpers/lab.ts';
import { run } from '../../interop/support/process.ts';
import { connected } from './house.ts';

let outside: string;
let folder: string;

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'tandem-files-'));
  folder = join(outside, 'dumps');
  await mkdir(join(folder, 'sub'), { recursive: true });
});

afterEach(() => rm(outside, { recursive: true, force: true }));

describe('files are written', () => {
  test('below the folder, to a new or a plain file', async () => {
    await writeFile(join(folder, 'old.json'), 'old\n');
    expect(await writablePath(folder, 'new.json')).toBe(join(folder, 'new.json'));
    expect(await writablePath(folder, join(folder, 'sub', 'new.json'))).toBe(join(folder, 'sub', 'new.json'));
    await using file = await openToAppend(folder, 'old.json');
    await file.appendFile('new\n');
    expect(await readFile(join(folder, 'old.json'), 'utf8')).toBe('old\nnew\n');
  });

  test('nowhere else', async () => {
    await symlink(outside, join(folder, 'out'));
    await symlink(join(folder, 'sub'), join(folder, 'in'));
    await writeFile(join(outside, 'secret'), 'kept');
    await symlink(join(outside, 'secret'), join(folder, 'link'));
    await symlink(join(outside, 'made'), join(folder, 'dangling'));
    await link(join(outside, 'secret'), join(folder, 'hard'));
    await run('mkfifo', [join(folder, 'pipe')]);
    const names = ['../secret', 'sub/../../secret', join(outside, 'secret'), '/etc/passwd', '.', '', 'sub', 'none/x'];
    for (const name of [...names, 'out/secret', 'out/new', 'in/new', 'link', 'dangling', 'hard', 'pipe', 'a\0b'])
      await expect(openToAppend(folder, name), name).rejects.toMatchObject({ code: 'ERR_RPC', fault: 500 });
    await expect(openToAppend(undefined, 'x')).rejects.toThrow('no folder is set');
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('kept');
  });
});

test('dlg.dump_file adds a line for each call, as Kamailio writes it', async ({ lab }) => {
  const { house } = await connected(lab, { writeFolder: folder });
  expect(await house.kamcmd('dlg.dump_file calls.jsonl')).toBe('');
  expect(await house.kamcmd('dlg.dump_file calls.jsonl')).toBe('');
  const lines = (await readFile(join(folder, 'calls.jsonl'), 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(2);
  const line = JSON.parse(lines[0] ?? '');
  expect(Object.keys(line)).toEqual(
    (
      'h_entry h_id ref call_id from_uri to_uri state start_ts init_ts end_ts timeout lifetime dflags sflags iflags ' +
      'caller callee profiles variables'
    ).split(' '),
  );
  const { callId, fromUri } = house.record;
  expect(line).toMatchObject({
    call_id: callId,
    state: 4,
    profiles: { inbound: '', caller: fromUri },
    variables: { gw: 'gw1', customer: 'acme' },
  });
  expect(await house.kamcmd('dlg.dump_file ../calls.jsonl')).toContain('error: 500 - ');
});
