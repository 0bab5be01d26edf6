import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createNodeRandom } from '../../src/base/node.ts';
import { NodeVault } from '../../src/recordings/node-vault.ts';
import { keyringOf } from '../../src/recordings/options.ts';
import { runTandem, TemporaryFolder } from '../helpers/cli.ts';

const key = 'a long text, kept elsewhere';
const wav = Buffer.from(`RIFF....WAVE${'.'.repeat(100_000)}`);

/** `old.wav` of long ago, and `new/a.wav`, encrypted. */
async function shelf(more = '') {
  const folder = new TemporaryFolder();
  mkdirSync(folder.file('rec/new'), { recursive: true });
  const vault = new NodeVault(folder.file('rec'), createNodeRandom());
  for (const [name, endedAt] of [
    ['old.wav', 1_700_000_000_000],
    ['new/a.wav', Date.now()],
  ] as const) {
    writeFileSync(folder.file(`rec/${name}`), wav);
    await vault.writeNote(name, { version: 1, startedAt: endedAt - 2_500, endedAt, durationMs: 2_500, callId: 'c' });
  }
  await vault.seal('new/a.wav', keyringOf({ key }), new AbortController().signal);
  writeFileSync(folder.file('tandem.yaml'), `recordings: { folder: ./rec, encryption: { key: "${key}" }${more} }\n`);
  const run = (...args: string[]) => runTandem(['recordings', ...args], { cwd: folder.path });
  return { folder, vault, run, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

describe('tandem recordings', () => {
  it('lists what is there, and decrypts it', async () => {
    using bench = await shelf();
    const { stdout } = await bench.run('list');
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^2023-11-14T22:13:17.500Z +2.5 s +100012 {2}local,plain +old.wav$/),
      expect.stringMatching(/ {2}local,encrypted +new\/a.wav$/),
      '',
    ]);
    const lines = (await bench.run('list', '--json')).stdout.trim().split('\n');
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ name: 'new/a.wav', sealed: true, callId: 'c' });
    expect((await bench.run('decrypt', 'new/a.wav', '-o', '-')).output.equals(wav)).toBe(true);
    expect(await bench.run('decrypt', './rec/new/a.wav.sealed')).toMatchObject({ status: 0 });
    expect(readFileSync(bench.folder.file('a.wav')).equals(wav)).toBe(true);
    expect(await bench.run('decrypt', 'new/a.wav')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('EEXIST'),
    });
  });

  it('leaves nothing of a file that was changed', async () => {
    using bench = await shelf();
    const path = bench.folder.file('rec/new/a.wav.sealed');
    const bytes = readFileSync(path);
    bytes[80_000] = (bytes[80_000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const { status, stderr } = await bench.run('decrypt', 'new/a.wav');
    expect([status, stderr]).toEqual([1, expect.stringContaining('it was changed, or cut off')]);
    expect(existsSync(bench.folder.file('a.wav'))).toBe(false);
  });

  it('deletes what has had its time, and nothing that is held', async () => {
    using bench = await shelf(', keepFor: 30');
    expect((await bench.run('purge', '--dry-run')).stdout).toBe(
      'would delete old.wav (100012 bytes, age)\n1 of 2 recordings\n',
    );
    expect((await bench.run('hold', 'old.wav')).stdout).toBe('old.wav is held: nothing deletes it\n');
    expect((await bench.run('purge')).stdout).toBe('0 of 2 recordings\n');
    await bench.run('release', 'old.wav');
    expect((await bench.run('purge')).stdout).toBe('deleted old.wav (100012 bytes, age)\n1 of 2 recordings\n');
    expect(existsSync(bench.folder.file('rec/old.wav.json'))).toBe(false);
    expect(await bench.run('hold', '../tandem.yaml')).toMatchObject({ status: 2 });
  });

  it.each([
    ['recordings: { upload: { url: "ftp://x" } }', 'expected http:// or https://'],
    ['recordings: { upload: { s3: { bucket: b } } }', 'a bucket needs accessKeyId and secretAccessKey'],
    ['recordings: { upload: { url: "http://x", s3: { bucket: b } } }', 'keep one of s3.bucket and url'],
    ['recordings: { encryption: { key: short } }', 'recordings.encryption.key: needs 16 characters'],
    ['recordings: { encryption: { keyId: a } }', 'a keyId needs a key'],
    ['recordings: { folder: none }', 'name one with --folder'],
    ['recordings: {}', 'nothing says what to delete'],
  ])('refuses %s', async (yaml, message) => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('tandem.yaml'), yaml);
    const { status, stderr } = await runTandem(['recordings', 'purge'], { cwd: folder.path });
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('keeps keys to itself', async () => {
    using bench = await shelf(', upload: { s3: { bucket: b, accessKeyId: AK, secretAccessKey: hush } }');
    const { stdout } = await runTandem(['config'], {
      cwd: bench.folder.path,
      env: {
        TANDEM_RECORDINGS_UPLOAD_AUTHORIZATION: 'Bearer hush',
        TANDEM_RECORDINGS_ENCRYPTION_OLD_KEYS: '{"a":"hush"}',
      },
    });
    expect(stdout).toMatch(/^recordings.encryption.key +"…" +file tandem.yaml$/m);
    expect(stdout).not.toMatch(/hush|a long text/);
  });
});
