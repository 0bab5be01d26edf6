import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

const module = new URL('../../../media/host/thread-priority.ts', import.meta.url);
/** Of the calling thread: field 19 of its `stat`, behind a name that may hold spaces. */
const niceness = `Number(readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ')[16])`;

describe.runIf(process.platform === 'linux')('the priority of a media thread', () => {
  it('is raised for that thread alone, or stays as it was where it may not be', async () => {
    const before = mine();
    const code = `
      import { readFileSync } from 'node:fs';
      import { parentPort } from 'node:worker_threads';
      import { raiseThread } from ${JSON.stringify(module.href)};
      parentPort.postMessage({ raised: raiseThread(), nice: ${niceness} });`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    const told = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    const { raised, nice } = told as { raised: boolean; nice: number };
    expect(nice).toBe(raised ? constants.priority.PRIORITY_HIGH : before);
    expect(mine()).toBe(before);
    await worker.terminate();
  });
});

function mine(): number {
  return Number(readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ')[16]);
}
