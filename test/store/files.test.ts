/** SQLite files that are not what they should be. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { settle } from '../registry/helpers.ts';
import { connected, placeAt, run } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'tandem-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a file that is damaged', () => {
  it('is said to be, and what to do; without `required` calls go on, and a good one in its place is used', async () => {
    const path = join(folder, 'damaged.db');
    writeFileSync(path, 'x'.repeat(10_000));
    const url = `sqlite:${path}`;
    const message = /damaged\.db is damaged, or is none \(file is not a database\): move it away, or put back a copy/;
    await expect(run(url, { required: true })).rejects.toThrow(message);
    const made = await run(url);
    expect(made.store.health).toMatchObject({ state: 'lost', error: expect.stringMatching(message) });
    connected(made);
    await settle();
    expect(readFileSync(path, 'utf8')).toBe('x'.repeat(10_000));
    rmSync(path);
    await made.clock.advance(5_000);
    await expect.poll(() => made.store.health.state).toBe('ready');
    await made.store.close();
    const place = await placeAt(url);
    expect(await place.rows('dialog')).toHaveLength(1);
    await place.close();
  });

  it('in the middle is found when it is read', async () => {
    const path = join(folder, 'holes.db');
    const made = await run(`sqlite:${path}`);
    for (let index = 0; index < 200; index++) connected(made, `call-${index}`);
    await settle();
    await made.store.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 8 * 4096);
    writeFileSync(path, bytes);
    await expect(run(`sqlite:${path}`, { required: true })).rejects.toThrow(/holes\.db is damaged/);
  });
});

describe('a place where no file can be', () => {
  it('is named', async () => {
    const path = join(folder, 'is-a-folder');
    mkdirSync(path);
    await expect(run(`sqlite:${path}`, { required: true })).rejects.toThrow(/is-a-folder cannot be opened/);
    writeFileSync(join(folder, 'is-a-file'), '');
    await expect(run(`sqlite:${folder}/is-a-file/x.db`, { required: true })).rejects.toThrow(/is-a-file/);
  });
});
