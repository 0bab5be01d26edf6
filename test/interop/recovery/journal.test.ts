/** The journal of a process that is killed, of a disk that is full, of two processes at once. */
import { rm, statfs, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import { createNodeRandom } from '../../../src/base/node.ts';
import { openJournal } from '../../../src/recovery/journal/open.ts';
import { mayMount, smallDisk } from '../support/disk.ts';
import { temporaryFolder } from '../support/folder.ts';
import { Program } from '../support/process.ts';

const ports = { logger: createLogger('silent'), random: createNodeRandom() };
const script = fileURLToPath(new URL('journal-writer.ts', import.meta.url));
const kills = process.env.TANDEM_TEST_LONG === '1' ? 50 : 5;

/** The rounds that a writer said are written, and how often it made the log smaller. */
function rounds({ stdout }: Program): [round: number, compactions: number] {
  const [round = 0, compactions = 0] =
    stdout.slice(0, stdout.lastIndexOf('\n')).split('\n').at(-1)?.split(' ').map(Number) ?? [];
  return [round, compactions];
}

/** Kills it at some moment after so many rounds. */
async function killed(writer: Program, least: number): Promise<void> {
  await expect.poll(() => rounds(writer)[0], { timeout: 30_000, interval: 5 }).toBeGreaterThan(least);
  writer.kill('SIGKILL');
  await writer.exit;
}

async function whatIsFound(path: string): Promise<ReadonlyMap<string, number>> {
  const { journal, found, lost } = await openJournal({ path }, ports);
  await journal.close();
  expect(lost).toEqual([]);
  return new Map(found.map(({ call, parts }) => [call, Buffer.from(parts.get('round') ?? []).readUInt32BE(0)]));
}

describe('a journal of a process that is killed', () => {
  // Values large enough that the log is made smaller again and again meanwhile.
  it.each([
    ['small values', 20, 100],
    ['compaction under load', 20, 64 * 1024],
  ])('has all that was written, each batch whole or not at all: %s', async (_, calls, size) => {
    await using folder = await temporaryFolder();
    const path = folder.file('journal');
    let compactions = 0;
    for (let kill = 0, last = 0; kill < kills; kill++) {
      await using writer = new Program(process.execPath, [script, path, String(calls), String(size)]);
      await killed(writer, last + 20 + 7 * kill);
      const [promised, made] = rounds(writer);
      compactions += made;
      const found = await whatIsFound(path);
      const [one = 0] = [...found].flatMap(([call, round]) => (call === 'call-0' ? [round] : []));
      expect(one).toBeGreaterThanOrEqual(promised);
      for (let call = 0; call < calls; call++) expect(found.get(`call-${call}`)).toBe(one);
      expect([...found.keys()].filter((call) => call.startsWith('short-'))).toContain(`short-${one}`);
      last = one;
    }
    // One is made at each start.
    if (size > 1000) expect(compactions).toBeGreaterThan(kills);
  });

  it('belongs to one living process, and to the next as soon as that is killed', async () => {
    await using folder = await temporaryFolder();
    const path = folder.file('journal');
    const args = [script, path, '1', '100'];
    await using first = new Program(process.execPath, args);
    await expect.poll(() => rounds(first)[0], { timeout: 30_000, interval: 5 }).toBeGreaterThan(0);
    await using second = new Program(process.execPath, args);
    expect((await second.exit).code).toBe(1);
    expect(second.stderr).toContain('ERR_JOURNAL_IN_USE');
    const [round] = rounds(first);
    await expect.poll(() => rounds(first)[0], { timeout: 30_000, interval: 5 }).toBeGreaterThan(round);
    await killed(first, round);
    await using third = new Program(process.execPath, args);
    await killed(third, rounds(first)[0]);
  });
});

describe.runIf(mayMount)('a journal on a full disk', () => {
  it('says so, stops nobody, and has what is current when there is room again', async () => {
    await using disk = await smallDisk(1024 * 1024);
    const path = disk.file('journal');
    const { journal } = await openJournal({ path }, ports);
    journal.put('a', 'state', Buffer.from('before'));
    await journal.written();
    const fill = Buffer.alloc(900 * 1024);
    await writeFile(disk.file('other'), fill);
    for (let round = 0; !journal.problem; round++) {
      journal.put('a', 'state', Buffer.alloc(10_000, round));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(journal.problem).toContain('ENOSPC');
    journal.put('a', 'state', Buffer.from('meanwhile'));
    journal.put('b', 'state', Buffer.from('new'));
    const written = journal.written();
    await rm(disk.file('other'));
    await written;
    expect(journal.problem).toBeUndefined();
    await journal.close();
    const next = await openJournal({ path }, ports);
    await next.journal.close();
    expect(next.lost).toEqual([]);
    const values = next.found.map(({ call, parts }) => [call, Buffer.from(parts.get('state') ?? []).toString()]);
    expect(Object.fromEntries(values)).toEqual({ a: 'meanwhile', b: 'new' });
  });

  it('goes on with the log that it has when there is no room for a smaller one', async () => {
    const mb = 1024 * 1024;
    await using disk = await smallDisk(16 * mb);
    const path = disk.file('journal');
    const { journal } = await openJournal({ path }, ports);
    const growTo = async (size: number): Promise<void> => {
      while (journal.stats.bytes < size) {
        journal.put('a', 'state', Buffer.alloc(mb / 8));
        await journal.written();
      }
    };
    // That much is always current, and has to fit in beside the log that there is: more than 8 MB, and four times of it.
    journal.put('b', 'state', Buffer.alloc(2 * mb));
    await growTo(8 * mb);
    const { compactions } = journal.stats;
    const { bavail, bsize } = await statfs(disk.path);
    await writeFile(disk.file('other'), Buffer.alloc(bavail * bsize - 1.5 * mb));
    await growTo(9 * mb);
    expect(journal.stats.compactions).toBe(compactions);
    expect(journal.problem).toBeUndefined();
    await journal.close();
    await rm(disk.file('other'));
    const next = await openJournal({ path }, ports);
    await next.journal.close();
    expect(next.found.map(({ call }) => call).sort()).toEqual(['a', 'b']);
  });
});
