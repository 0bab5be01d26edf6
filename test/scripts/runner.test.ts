import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

describe('what the image sets', () => {
  /** What its defaults make of variables and a configuration file, as the server would see them. */
  const effective = (environment: Record<string, string>, file = '{}') => {
    using folder = new TemporaryFolder();
    const data = folder.file('data');
    mkdirSync(data);
    const text = readFileSync(join(root, 'docker', 'defaults.sh'), 'utf8').replaceAll('/app/data', data);
    writeFileSync(folder.file('defaults.sh'), text);
    writeFileSync(folder.file('tandem.yaml'), file);
    const command = join(root, 'bin', 'tandem.js');
    writeFileSync(folder.file('tandem'), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`);
    chmodSync(folder.file('tandem'), 0o755);
    const { stdout, stderr, status } = spawnSync('sh', ['-euc', '. ./defaults.sh; echo ---; tandem config --json'], {
      cwd: folder.path,
      encoding: 'utf8',
      env: { PATH: `${folder.path}:${dirname(process.execPath)}:/usr/bin:/bin`, ...environment },
    });
    const [said, settings] = stdout.split('---\n');
    return { status, stderr, said, values: settings ? JSON.parse(settings) : {} };
  };

  it('holds where nothing else is said, and has a token made', () => {
    const { status, values } = effective({});
    expect(status).toBe(0);
    expect(values['http.listen'].value).toBe('0.0.0.0:8080');
    expect(values['http.tls'].value).toBe(true);
    expect(values['media.rtpPorts.min'].value).toBe(20_000);
    expect(values['media.rtpPorts.max'].value).toBe(20_099);
    expect(values['control.listen'].value).toEqual(['unixs:/var/run/kamailio/kamailio_ctl']);
    expect(values['http.makeToken'].value).toBe(true);
  });

  it('gives way to variables and to the file', () => {
    const { said, values } = effective(
      { TANDEM_MEDIA_RTP_PORTS_MAX: '20019' },
      'http: { listen: "127.0.0.1:9090", token: mine }',
    );
    expect(values['http.listen'].value).toBe('127.0.0.1:9090');
    expect(values['http.token'].from).toBe('file tandem.yaml');
    expect(values['media.rtpPorts.max'].value).toBe(20_019);
    expect(said).toBe('');
  });

  it('takes the addresses for signalling and media from one variable', () => {
    const { values } = effective({ TANDEM_EXTERNAL_HOST: '203.0.113.7' });
    expect(values.externalHost.value).toBe('203.0.113.7');
    expect(values.mediaExternalIp.value).toBe('203.0.113.7');
    const other = effective({ TANDEM_EXTERNAL_HOST: 'localhost', TANDEM_MEDIA_EXTERNAL_IP: '203.0.113.8' });
    expect(other.values.mediaExternalIp.value).toBe('203.0.113.8');
    expect(effective({ TANDEM_EXTERNAL_HOST: 'localhost' }).values.mediaExternalIp.value).toBe('127.0.0.1');
    expect(effective({ TANDEM_EXTERNAL_HOST: '' }).values.externalHost.value).toBeNull();
  });

  it('is refused in one line where it cannot be: a wrong file, a name without an address', () => {
    const wrong = effective({}, 'nonsense: 1');
    expect({ status: wrong.status, lines: wrong.stderr.trim().split('\n').length }).toEqual({ status: 2, lines: 1 });
    const nowhere = effective({ TANDEM_EXTERNAL_HOST: 'nowhere.invalid' });
    expect(nowhere.status).toBe(2);
    expect(nowhere.stderr).toContain('nowhere.invalid has no address');
  });
});
