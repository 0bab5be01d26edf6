/** A disk that is really full, or read-only: a small file system in memory, which root may mount. */
import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { settle } from '../../registry/helpers.ts';
import { connected, placeAt, run } from '../../store/suite.ts';
import { mayMount, smallDisk } from '../support/disk.ts';

describe.runIf(mayMount)('the disk of an SQLite file', () => {
  it('that is full is said to be; calls go on, and their rows are complete when there is room', async () => {
    await using disk = await smallDisk(1024 * 1024);
    const url = `sqlite:${disk.file('calls.db')}`;
    const made = await run(url);
    connected(made, 'first');
    await settle();
    await made.store.flush();
    await writeFile(disk.file('other'), new Uint8Array(2 * 1024 * 1024)).catch(() => {});
    for (let index = 0; index < 300; index++) connected(made, `call-${index}`);
    await settle();
    await made.store.flush();
    expect(made.store.health).toMatchObject({
      state: 'lost',
      error: expect.stringMatching(/calls\.db .*full.*make room/),
    });
    expect(made.registry.statistics.active).toBe(301);
    await rm(disk.file('other'));
    await made.clock.advance(5_000);
    await expect.poll(() => made.store.health.state).toBe('ready');
    await made.store.flush();
    const place = await placeAt(url);
    expect(await place.rows('dialog')).toHaveLength(301);
    await place.close();
    await made.store.close();
  });

  it('that is read-only is said to be, and keeps only a server from starting that has to have it', async () => {
    await using disk = await smallDisk(1024 * 1024);
    const url = `sqlite:${disk.file('calls.db')}`;
    await (await run(url)).store.close();
    execFileSync('mount', ['-o', 'remount,ro', disk.path]);
    await expect(run(url, { required: true })).rejects.toThrow(/calls\.db cannot be (written|opened)/);
    const made = await run(url);
    expect(made.store.health.state).toBe('lost');
    connected(made);
    await settle();
    execFileSync('mount', ['-o', 'remount,rw', disk.path]);
    await made.clock.advance(5_000);
    await expect.poll(() => made.store.health.state).toBe('ready');
    await made.store.close();
    const place = await placeAt(url);
    expect(await place.rows('dialog')).toHaveLength(1);
    await place.close();
  });
});
