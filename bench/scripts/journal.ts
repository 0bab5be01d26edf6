/** States of calls that are written to a journal, for `bench/scenarios/journal.ts`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../src/base/log.ts';
import { createNodeRandom } from '../../src/base/node.ts';
import { openJournal } from '../../src/recovery/journal/open.ts';

const [calls, batch, ms] = [1000, 20, Number(process.env.MS ?? 2000)];
const folder = mkdtempSync(join(tmpdir(), 'tandem-bench-journal-'));
const { journal } = await openJournal(
  {
    path: join(folder, 'journal'),
    fsync: process.env.FSYNC === '1',
    ...(process.env.KEY === '1' && { encryptionKey: 'a key' }),
  },
  { logger: createLogger('silent'), random: createNodeRandom() },
);
const value = new Uint8Array(1000).fill(7);
let puts = 0;
async function write(until: number): Promise<void> {
  while (performance.now() < until) {
    for (let index = 0; index < batch; index++) journal.put(`call-${puts++ % calls}`, 'media/1', value);
    await journal.written();
  }
}
await write(performance.now() + ms / 4); // warms the compiler up; not counted
const before = {
  puts,
  batches: journal.stats.batches,
  at: performance.now(),
  all: process.cpuUsage(),
  own: process.threadCpuUsage(),
};
await write(before.at + ms);
const seconds = (performance.now() - before.at) / 1000;
const [all, own] = [process.cpuUsage(before.all), process.threadCpuUsage(before.own)];
const made = puts - before.puts;
const values = {
  batches: (journal.stats.batches - before.batches) / seconds,
  allUs: (all.user + all.system) / made,
  ownUs: (own.user + own.system) / made,
};
await journal.close();
rmSync(folder, { recursive: true });
console.error(`done ${JSON.stringify(values)}`);
