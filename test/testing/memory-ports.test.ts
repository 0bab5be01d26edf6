import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { MemoryFetch } from '../../src/testing/memory-fetch.ts';
import { MemoryFiles } from '../../src/testing/memory-files.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('MemoryFiles', () => {
  let clock: FakeClock;
  let files: MemoryFiles;
  let folder: string;
  let onDisk: string;

  beforeEach(async () => {
    clock = new FakeClock();
    files = new MemoryFiles(clock);
    folder = await mkdtemp(join(tmpdir(), 'memory-files-'));
    onDisk = join(folder, 'disk.wav');
    await writeFile(onDisk, bytes(1, 2, 3));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('reads what is on the disk', async () => {
    expect([...(await files.read(onDisk))]).toEqual([1, 2, 3]);
    const { size, mtimeMs } = await stat(onDisk);
    expect(await files.stat(onDisk)).toEqual({ size, modified: mtimeMs });
    await expect(files.read(join(folder, 'none.wav'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(files.stat(join(folder, 'none.wav'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('holds time while it reads from the disk', async () => {
    const order: string[] = [];
    clock.setTimer(0, () => order.push('timer'));
    void files.read(onDisk).then(() => order.push('read'));
    void files.stat(onDisk).then(() => order.push('looked at'));
    await clock.advance(1);
    expect(order).toEqual(['read', 'looked at', 'timer']);
  });

  it('writes to memory only, over what is on the disk', async () => {
    const writer = await files.create(onDisk);
    await writer.write(bytes(9, 8), 0);
    await writer.close();
    const other = join(folder, 'new.wav');
    await (await files.create(other)).close();
    expect([...(await files.read(onDisk))]).toEqual([9, 8]);
    expect([...files.get(onDisk)]).toEqual([9, 8]);
    expect(files.paths).toEqual([onDisk, other]);
    expect(await readdir(folder)).toEqual(['disk.wav']);
    expect((await stat(onDisk)).size).toBe(3);
    expect([...(await new MemoryFiles(clock).read(onDisk))]).toEqual([1, 2, 3]);
  });

  it('writes at positions, in any order, and fills gaps with zeros', async () => {
    const writer = await files.create('/a');
    await writer.write(bytes(5, 6), 4);
    expect([...files.get('/a')]).toEqual([0, 0, 0, 0, 5, 6]);
    await writer.write(bytes(1, 2), 0);
    expect([...files.get('/a')]).toEqual([1, 2, 0, 0, 5, 6]);
    await writer.write(bytes(7), 8);
    expect([...files.get('/a')]).toEqual([1, 2, 0, 0, 5, 6, 0, 0, 7]);
  });

  it('grows by small pieces to a large file', async () => {
    const writer = await files.create('/a');
    for (let i = 0; i < 1000; i++) await writer.write(new Uint8Array(17).fill(i), 17 * i);
    const all = files.get('/a');
    expect(all).toHaveLength(17_000);
    expect(all.every((byte, index) => byte === Math.floor(index / 17) % 256)).toBe(true);
  });

  it('begins anew when a file is created again', async () => {
    files.set('/a', bytes(1, 2, 3));
    await files.create('/a');
    expect([...files.get('/a')]).toEqual([]);
  });

  it('gives and takes bytes that are nobody else’s', async () => {
    const mine = Buffer.of(1, 2);
    files.set('/a', mine);
    mine[0] = 9;
    (await files.read('/a'))[0] = 9;
    files.get('/a')[0] = 9;
    expect([...files.get('/a')]).toEqual([1, 2]);
    const writer = await files.create('/b');
    await writer.write(mine, 0);
    const before = files.get('/b');
    await writer.write(bytes(5), 0);
    expect([...before]).toEqual([9, 2]);
  });

  it('tells the size and the time of the last write', async () => {
    const writer = await files.create('/a');
    await clock.advance(1000);
    await writer.write(bytes(1, 2, 3), 0);
    const { size, modified } = await files.stat('/a');
    expect({ size, modified }).toEqual({ size: 3, modified: clock.wallclock() });
    await clock.advance(1000);
    await writer.close();
    expect((await files.stat('/a')).modified).toBe(modified);
  });

  it('counts the files that are being written', async () => {
    const [one, two] = [await files.create('/a'), await files.create('/b')];
    expect(files.open).toBe(2);
    await one.close();
    await one.close();
    expect(files.open).toBe(1);
    await two.close();
    expect(files.open).toBe(0);
    await expect(one.write(bytes(1), 0)).rejects.toMatchObject({ code: 'ERR_FILE' });
  });

  it('fails to write and to create for as long as it is told to', async () => {
    const writer = await files.create('/a');
    files.failure = Object.assign(new Error('disk full'), { code: 'ENOSPC' });
    await expect(writer.write(bytes(1), 0)).rejects.toBe(files.failure);
    await expect(files.create('/b')).rejects.toBe(files.failure);
    await writer.close();
    expect([files.open, files.paths]).toEqual([0, ['/a']]);
    files.failure = undefined;
    await (await files.create('/b')).close();
    expect(files.paths).toEqual(['/a', '/b']);
  });

  it('names what there is when asked for what nobody wrote', () => {
    expect(() => files.get('/a')).toThrow('nobody wrote /a; there is: nothing');
    files.set('/b', bytes(1));
    files.set('/c', bytes(1));
    expect(() => files.get('/a')).toThrow(expect.objectContaining({ code: 'ERR_FILE', facts: { path: '/a' } }));
    expect(() => files.get('/a')).toThrow('there is: /b, /c');
  });

  it('tells of every file that is read', async () => {
    const read: string[] = [];
    files.onRead = (path, content) => read.push(`${path} ${content.length}`);
    files.set('/a', bytes(1));
    await files.read('/a');
    await files.read(onDisk);
    expect(read).toEqual(['/a 1', `${onDisk} 3`]);
  });
});

describe('MemoryFetch', () => {
  const url = 'http://prompts.example/a.wav';
  const limits = { maxBytes: 1000, timeoutMs: 5000 };
  let clock: FakeClock;
  let fetch: MemoryFetch;

  beforeEach(() => {
    clock = new FakeClock();
    fetch = new MemoryFetch(clock);
  });

  /** The outcome and when it was there. */
  async function outcome(options: Partial<Parameters<MemoryFetch['get']>[1]> = {}, from = url) {
    const result = fetch.get(from, { ...limits, ...options }).then(
      (value) => ({ ...value, at: clock.now() }),
      (error: unknown) => ({ error, at: clock.now() }),
    );
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
    return result;
  }

  it('gives what it was told to, after 20 ms', async () => {
    fetch.answer(url, { bytes: bytes(1, 2) });
    expect(await outcome()).toEqual({ bytes: bytes(1, 2), contentType: 'audio/wav', at: 20 });
    fetch.answer(url, { contentType: 'text/html', afterMs: 300 });
    expect(await outcome()).toEqual({ bytes: bytes(), contentType: 'text/html', at: 60_300 });
    expect(fetch.asked).toEqual([url, url]);
  });

  it('gives another answer each time if told by a function', async () => {
    let times = 0;
    fetch.answer(url, (asked) => ({ contentType: `${asked} ${++times}` }));
    await outcome();
    expect(await outcome()).toMatchObject({ contentType: `${url} 2` });
  });

  it('gives bytes that belong to whoever asked', async () => {
    const mine = Buffer.of(1, 2);
    fetch.answer(url, { bytes: mine });
    const first = await outcome();
    if ('bytes' in first) first.bytes[0] = 9;
    expect(mine[0]).toBe(1);
  });

  it('finds no host for any other URL', async () => {
    fetch.answer(url, {});
    expect(await outcome({}, `${url}?x`)).toMatchObject({
      error: {
        code: 'ERR_FETCH',
        message: expect.stringContaining(`cannot fetch ${url}?x`),
        facts: { url: `${url}?x` },
      },
      at: 20,
    });
  });

  it.each([199, 300, 304, 404, 500])('fails on status %i', async (status) => {
    fetch.answer(url, { status });
    expect(await outcome()).toMatchObject({ error: { code: 'ERR_FETCH', facts: { url, status } } });
  });

  it.each([200, 204, 299])('takes status %i', async (status) => {
    fetch.answer(url, { status, bytes: bytes(1) });
    expect(await outcome()).toMatchObject({ bytes: bytes(1) });
  });

  it('fails past `maxBytes` and not before', async () => {
    fetch.answer(url, { bytes: new Uint8Array(10) });
    expect(await outcome({ maxBytes: 10 })).toHaveProperty('bytes');
    expect(await outcome({ maxBytes: 9 })).toMatchObject({ error: { code: 'ERR_FETCH', facts: { url, maxBytes: 9 } } });
  });

  it('fails at `timeoutMs` when the answer would come later', async () => {
    fetch.answer(url, { afterMs: 500 });
    expect(await outcome({ timeoutMs: 500 })).toHaveProperty('bytes');
    expect(await outcome({ timeoutMs: 499 })).toMatchObject({
      error: { code: 'ERR_FETCH', message: expect.stringContaining('no answer within 499 ms') },
      at: 60_499,
    });
  });

  it('fails with the reason of an abort as soon as it comes, and leaves no timer', async () => {
    fetch.answer(url, { afterMs: 500 });
    const abort = new AbortController();
    clock.setTimer(100, () => abort.abort(new Error('hung up')));
    const result = outcome({ signal: abort.signal });
    await clock.runUntil(() => abort.signal.aborted);
    expect(clock.pending).toBe(0);
    expect(await result).toMatchObject({ error: { message: 'hung up' }, at: 100 });
    expect(await outcome({ signal: abort.signal })).toMatchObject({ error: { message: 'hung up' }, at: 60_000 });
  });

  it('does not mind an abort that comes too late', async () => {
    fetch.answer(url, { bytes: bytes(1) });
    const abort = new AbortController();
    const result = await outcome({ signal: abort.signal });
    abort.abort();
    expect(result).toMatchObject({ bytes: bytes(1) });
  });
});
