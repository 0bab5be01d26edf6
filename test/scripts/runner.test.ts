import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingPeers, peers, programOf } from '../../scripts/peers.ts';
import { root, TemporaryFolder } from '../helpers/cli.ts';

describe('the last line of a test run', () => {
  it('counts tests, files that cannot be loaded, failing hooks and stray errors', () => {
    using folder = new TemporaryFolder();
    const vitest = join(root, 'node_modules', 'vitest');
    const index = JSON.stringify(join(vitest, 'dist', 'index.js'));
    const test = (name: string, body: string): void =>
      writeFileSync(folder.file(`${name}.test.mjs`), `import { beforeAll, expect, it } from ${index};\n${body}\n`);
    test('good', "it('a', () => {}); it('b', () => {}); it.skip('c', () => {}); it.todo('d');");
    test('bad', "it('a', () => { expect(1).toBe(2); }); it('b', () => {});");
    test('unloadable', "throw new Error('broken');");
    test('hook', "beforeAll(() => { throw new Error('broken'); }); it('a', () => {});");
    test('stray', "it('a', () => { void Promise.reject(new Error('stray')); });");
    const reporter = join(root, 'scripts', 'totals-reporter.ts');
    writeFileSync(
      folder.file('vitest.config.mjs'),
      `export default { test: { include: ['*.test.mjs'], reporters: ['default', ${JSON.stringify(reporter)}] } };`,
    );
    const { stdout, status } = spawnSync(process.execPath, [join(vitest, 'vitest.mjs'), 'run'], {
      cwd: folder.path,
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('4 passed, 4 failed, 3 skipped');
  });
});

describe('missing peers', () => {
  it('are those that no folder of PATH has as a program', () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.file('bin'));
    for (const name of peers) writeFileSync(folder.file(`bin/${programOf(name)}`), '#!/bin/sh\n');
    chmodSync(folder.file('bin/sipp'), 0o755);
    expect(missingPeers(`/nowhere:${folder.file('bin')}`)).toEqual(peers.filter((name) => name !== 'sipp'));
    for (const name of peers) chmodSync(folder.file(`bin/${programOf(name)}`), 0o755);
    expect(missingPeers(folder.file('bin'))).toEqual([]);
  });

  it('are a failure in CI and named before anything runs', () => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [join(root, 'scripts', 'test.ts')], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, PATH: '/nowhere', CI: '1' },
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toBe(`missing: ${peers.join(', ')} (npm run test:setup installs them)\n`);
  });
});

describe('the container', () => {
  const entry = (args: readonly string[], script: boolean): string => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('tandem'), '#!/bin/sh\necho tandem "$@"\n');
    chmodSync(folder.file('tandem'), 0o755);
    if (script) writeFileSync(folder.file('ivr.ts'), '');
    const { stdout, stderr } = spawnSync('sh', [join(root, 'docker', 'entrypoint.sh'), ...args], {
      encoding: 'utf8',
      env: { PATH: `${folder.path}:${process.env.PATH}`, IVR_SCRIPT: folder.file('ivr.ts') },
    });
    expect(stderr).toBe('');
    return stdout.trim().replace(folder.path, '/app');
  };

  it.each([
    ['the ready-made server by default', [], false, 'tandem ivr'],
    ['a mounted script instead', [], true, 'tandem serve /app/ivr.ts'],
    ['either with the given options', ['--log-level', 'debug'], false, 'tandem ivr --log-level debug'],
    ['the script with the given options', ['--workers', '1'], true, 'tandem serve /app/ivr.ts --workers 1'],
    ['a given command, script or not', ['check', '--json'], true, 'tandem check --json'],
  ])('runs %s', (_, args, script, command) => {
    expect(entry(args, script)).toBe(command);
  });
});
