import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { createNodeRandom } from '../../src/base/node.ts';
import { readHead } from '../../src/recovery/journal/log-file.ts';
import { openJournal } from '../../src/recovery/journal/open.ts';
import { readLog } from '../../src/recovery/journal/read.ts';
import { TemporaryFolder } from '../helpers/cli.ts';

const ports = { logger: createLogger('silent'), random: createNodeRandom() };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();

/** As another process would find it. */
function found(calls: readonly { readonly call: string; readonly parts: ReadonlyMap<string, Uint8Array> }[]) {
  return Object.fromEntries(
    calls.map(({ call, parts }) => [
      call,
      Object.fromEntries([...parts].map(([part, value]) => [part, textOf(value)])),
    ]),
  );
}

describe('a journal', () => {
  it('has for the next process what is current, and nothing else', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    const first = await openJournal({ path }, ports);
    expect(first).toMatchObject({ found: [], lost: [] });
    const { journal } = first;
    journal.put('a', 'call', bytes('old'));
    journal.put('a', 'call', bytes('new'));
    journal.put('a', 'media/1', bytes('one'));
    journal.put('b', 'call', bytes('gone'));
    await journal.written();
    journal.remove('a', 'media/1');
    journal.remove('b');
    journal.put('c', 'call', bytes('last'));
    await journal.close();
    const second = await openJournal({ path }, ports);
    expect(found(second.found)).toEqual({ a: { call: 'new' }, c: { call: 'last' } });
    expect(second.lost).toEqual([]);
    second.journal.remove('a');
    await second.journal.close();
    const third = await openJournal({ path }, ports);
    expect(found(third.found)).toEqual({ c: { call: 'last' } });
    await third.journal.close();
  });

  it('belongs to one process at a time', async () => {
    using folder = new TemporaryFolder();
    const options = { path: folder.file('journal') };
    const { journal } = await openJournal(options, ports);
    await expect(openJournal(options, ports)).rejects.toMatchObject({ code: 'ERR_JOURNAL_IN_USE' });
    await journal.close();
    await (await openJournal(options, ports)).journal.close();
  });

  it('is read by who has the key, and by nobody else', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    const sealed = await openJournal({ path, encryptionKey: 'one' }, ports);
    sealed.journal.put('a', 'call', bytes('a secret word'));
    await sealed.journal.close();
    expect(readFileSync(join(path, 'journal')).includes('secret')).toBe(false);
    const same = await openJournal({ path, encryptionKey: 'one' }, ports);
    expect(found(same.found)).toEqual({ a: { call: 'a secret word' } });
    await same.journal.close();
    const other = await openJournal({ path, encryptionKey: 'two' }, ports);
    expect(other.found).toEqual([]);
    expect(other.lost).toMatchObject([{ call: 'a', reason: 'key' }]);
    await other.journal.close();
    // What was there is not written over, however often it happens.
    const third = await openJournal({ path, encryptionKey: 'three' }, ports);
    await third.journal.close();
    expect(readdirSync(path).sort()).toEqual(['journal', 'journal.unreadable', 'journal.unreadable.1']);
    copyFileSync(join(path, 'journal.unreadable'), join(path, 'journal'));
    const again = await openJournal({ path, encryptionKey: 'one' }, ports);
    expect(found(again.found)).toEqual({ a: { call: 'a secret word' } });
    await again.journal.close();
  });

  it('that is no journal is moved aside', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    mkdirSync(path);
    writeFileSync(join(path, 'journal'), 'something else altogether');
    const { journal, found: calls } = await openJournal({ path }, ports);
    expect(calls).toEqual([]);
    await journal.close();
    expect(readFileSync(join(path, 'journal.unreadable'), 'utf8')).toBe('something else altogether');
  });

  it('of another version gives up its calls by name', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    const first = await openJournal({ path }, ports);
    first.journal.put('a', 'call', bytes('1'));
    await first.journal.close();
    const log = readFileSync(join(path, 'journal'));
    log.writeUInt16BE(0, 14);
    await writeFile(join(path, 'journal'), log);
    const second = await openJournal({ path }, ports);
    expect(second).toMatchObject({ found: [], lost: [{ call: 'a', reason: 'version' }] });
    await second.journal.close();
  });

  it('refuses a name that no record can have, and goes on', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    const { journal } = await openJournal({ path }, ports);
    expect(() => journal.put('a', 'x'.repeat(1025), bytes('1'))).toThrow(RangeError);
    journal.put('a', 'x'.repeat(1024), bytes('2'));
    await journal.close();
    const again = await openJournal({ path }, ports);
    expect(found(again.found)).toEqual({ a: { ['x'.repeat(1024)]: '2' } });
    await again.journal.close();
  });

  it('gets smaller when it is far larger than what it says', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    const { journal } = await openJournal({ path }, ports);
    const large = new Uint8Array(256 * 1024).fill(7);
    journal.put('b', 'call', bytes('stays'));
    for (let round = 0; round < 100; round++) {
      journal.put('a', 'media', large);
      await journal.written();
    }
    expect(journal.stats.compactions).toBeGreaterThan(1);
    expect(journal.stats.bytes).toBeLessThan(12 * 1024 * 1024);
    await journal.close();
    const again = await openJournal({ path }, ports);
    expect(again.found.map(({ call }) => call).sort()).toEqual(['a', 'b']);
    await again.journal.close();
  });
});

describe('a damaged journal', () => {
  /** Two calls, each written twice. */
  async function log(): Promise<Buffer> {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    const { journal } = await openJournal({ path }, ports);
    for (const value of ['old', 'new'])
      for (const call of ['a', 'b']) {
        journal.put(call, 'call', bytes(`${value} state of ${call}`));
        journal.put(call, 'media', bytes(value));
        await journal.written();
      }
    await journal.close();
    return readFileSync(join(path, 'journal'));
  }
  const current = {
    a: { call: 'new state of a', media: 'new' },
    b: { call: 'new state of b', media: 'new' },
  };
  const read = (bytesOfLog: Buffer): ReturnType<typeof readLog> | undefined => {
    const head = readHead(bytesOfLog, undefined);
    return head && head.version === 1 && head.keyFits ? readLog(bytesOfLog, head.begin, head.promised) : undefined;
  };

  it('that was cut off anywhere never has an old state of a call', async () => {
    const whole = await log();
    expect(found(read(whole)?.found ?? [])).toEqual(current);
    for (let length = 0; length < whole.length; length++)
      for (const { call, parts } of read(whole.subarray(0, length))?.found ?? [])
        expect([length, found([{ call, parts }])]).toEqual([length, { [call]: current[call as 'a' | 'b'] }]);
  });

  it('with any bit turned over never has an old or a wrong state of a call', async () => {
    const whole = await log();
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      for (const { call, parts } of read(damaged)?.found ?? [])
        expect([bit, found([{ call, parts }])]).toEqual([bit, { [call]: current[call as 'a' | 'b'] }]);
    }
  });

  it('costs the call whose value is damaged, and no other', async () => {
    const whole = await log();
    const at = whole.indexOf('new state of a');
    whole[at] = 0;
    expect(found(read(whole)?.found ?? [])).toEqual({ b: current.b });
    expect(read(whole)?.lost).toMatchObject([{ call: 'a', reason: 'damaged' }]);
  });

  it('that ends in the middle of a batch loses nothing that was written before', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    const file = join(path, 'journal');
    const { journal } = await openJournal({ path }, ports);
    journal.put('a', 'call', bytes('1'));
    journal.put('b', 'call', bytes('1'));
    await journal.written();
    const before = readFileSync(file);
    journal.put('a', 'call', bytes('2'));
    journal.put('a', 'media', bytes('2'));
    journal.put('b', 'call', bytes('the last value'));
    await journal.close();
    // The serial that is promised is written behind the batch.
    const after = Buffer.concat([before, readFileSync(file).subarray(before.length)]);
    for (let length = before.length; length < after.length; length++) {
      const { found: calls = [], lost } = read(after.subarray(0, length)) ?? {};
      expect([length, found(calls), lost]).toEqual([length, { a: { call: '1' }, b: { call: '1' } }, []]);
    }
    expect(found(read(after)?.found ?? [])).toEqual({
      a: { call: '2', media: '2' },
      b: { call: 'the last value' },
    });
  });

  it('never has a part of what a batch said of a call', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    const { journal } = await openJournal({ path }, ports);
    journal.put('a', 'call', bytes('1'));
    journal.put('a', 'media', bytes('1'));
    await journal.written();
    journal.put('b', 'call', bytes('2'));
    await journal.close();
    const log = readFileSync(join(path, 'journal'));
    const head = log.indexOf('TJ');
    log[head] = 0;
    expect(found(read(log)?.found ?? [])).toEqual({ b: { call: '2' } });
    expect(read(log)?.lost).toMatchObject([{ call: 'a', reason: 'truncated' }]);
  });

  it('has a call that is lost as lost, however often the process is killed before it is over', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('journal');
    mkdirSync(path);
    const damaged = await log();
    damaged[damaged.indexOf('new state of a')] = 0;
    writeFileSync(join(path, 'journal'), damaged);
    for (let start = 0; start < 3; start++) {
      const { journal, found: calls, lost } = await openJournal({ path }, ports);
      expect(found(calls)).toEqual({ b: current.b });
      expect(lost).toMatchObject([{ call: 'a', reason: 'damaged' }]);
      await journal.close();
    }
    const { journal } = await openJournal({ path }, ports);
    journal.remove('a');
    await journal.close();
    const last = await openJournal({ path }, ports);
    expect(found(last.found)).toEqual({ b: current.b });
    expect(last.lost).toEqual([]);
    await last.journal.close();
  });
});
