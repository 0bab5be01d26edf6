/** The package as it is published: packed, unpacked beside its dependencies only, and used from there. */
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root, startServer, TemporaryFolder } from '../helpers/cli.ts';
import { RawPhone } from '../helpers/raw-phone.ts';

const run = promisify(execFile);
const folder = new TemporaryFolder();
const installed = folder.file('app/node_modules/tandem');
const bin = join(installed, 'bin', 'tandem.js');

/** What `npm install <tarball>` would put beside the package: dependencies, and theirs. */
function linkDependencies(): void {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const [path, entry] of Object.entries<{ dev?: boolean }>(lock.packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (!name || entry.dev || !existsSync(join(root, path))) continue;
    const target = folder.file(`app/node_modules/${name}`);
    mkdirSync(join(target, '..'), { recursive: true });
    symlinkSync(join(root, path), target);
  }
}

beforeAll(async () => {
  // Packing builds dist/, which must not appear in the tree that other tests run from.
  const copy = folder.file('copy');
  mkdirSync(copy);
  for (const name of readdirSync(root))
    if (!['node_modules', '.git', 'dist', 'run', 'data'].includes(name))
      cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const { stdout } = await run('npm', ['pack', '--json'], { cwd: copy });
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  expect(existsSync(join(copy, 'dist'))).toBe(false);
  mkdirSync(installed, { recursive: true });
  await run('tar', ['xzf', join(copy, filename), '--strip-components=1', '-C', installed]);
  linkDependencies();
}, 120_000);

afterAll(() => folder[Symbol.dispose]());

const script = `
  import { type DialogServerSession, Tandem } from 'tandem';
  import { Media } from 'tandem/media';
  import { FakeClock } from 'tandem/testing';
  export default {
    start(tandem: Tandem): void {
      console.log('own package', tandem instanceof Tandem, typeof Media, typeof FakeClock);
    },
    async call(call: DialogServerSession): Promise<void> {
      await call.answer();
      await call.echo();
    },
  };`;

describe('the published package', () => {
  it('has what it needs, compiled, and no sources of ours besides', () => {
    expect(readdirSync(installed).sort()).toEqual(
      [
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'bin',
        'dist',
        'docs',
        'examples',
        'native',
        'package.json',
        'prompts',
      ].sort(),
    );
    expect(readdirSync(join(installed, 'dist')).sort()).toEqual(['media', 'pages', 'src']);
    expect(readdirSync(join(installed, 'dist', 'pages')).sort()).toEqual([
      'assets',
      'index.html',
      'licenses.md',
      'phone.html',
    ]);
  });

  it.each([
    ['the folder it is installed in', 'app'],
    ['another folder', 'elsewhere'],
  ])('serves a script from %s, with media threads', async (_, where) => {
    mkdirSync(folder.file(where), { recursive: true });
    writeFileSync(folder.file(`${where}/ivr.ts`), script);
    await using server = await startServer(['serve', 'ivr.ts', '--workers', '1'], { cwd: folder.file(where), bin });
    const { tandem, port } = server;
    await tandem.prints(/own package true function function/);
    using phone = await RawPhone.open();
    expect((await phone.call(port)).status).toBe(200);
    // What is said before the script has come to its echo is lost.
    await phone.speak(Array.from({ length: 25 }, () => Buffer.alloc(160, 0x2a)));
    expect((await phone.hears(5, 0)).every(({ payload }) => payload.equals(Buffer.alloc(160, 0x2a)))).toBe(true);
    await phone.bye();
    const { status } = await tandem.stop();
    expect(status).toBe(0);
  });

  it('finds its prompts: tandem ivr says what a room is', async () => {
    await using server = await startServer(['ivr'], { cwd: folder.file('app'), bin });
    using phone = await RawPhone.open();
    expect((await phone.call(server.port, { user: '603' })).status).toBe(200);
    await phone.hears(50, 0);
    await phone.bye();
  });

  it('tests a project that tandem init has made, in the lab', () => {
    const made = spawnSync(process.execPath, [bin, 'init', 'my-ivr'], { cwd: folder.file('app'), encoding: 'utf8' });
    expect(made).toMatchObject({ status: 0, stderr: '' });
    const tested = spawnSync(process.execPath, ['--test'], { cwd: folder.file('app/my-ivr'), encoding: 'utf8' });
    expect(tested.stdout).toContain('pass 2');
    expect(tested.status, tested.stdout).toBe(0);
  });

  it('has types that a program compiles against', () => {
    writeFileSync(folder.file('app/package.json'), '{ "type": "module" }');
    writeFileSync(folder.file('app/ivr.ts'), script);
    const settings = {
      module: 'nodenext',
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      skipLibCheck: false,
      lib: ['es2024', 'esnext.disposable'],
      target: 'es2024',
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    writeFileSync(
      folder.file('app/tsconfig.json'),
      JSON.stringify({ compilerOptions: settings, files: ['ivr.ts', 'my-ivr/ivr.test.ts'] }),
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder.file('app')], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});
